package drift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
)

const namespace = "slipway-org-acme"

var shopDev = ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: "shop-dev"}}

// web is an object of the stage, as a drift names it.
func web(kind inventory.DriftKind, manager string) inventory.Drift {
	return inventory.Drift{Ref: inventory.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "sw-shop-dev", Name: "web"}, Kind: kind, Manager: manager}
}

// place is the stage's place on its cluster.
type place struct {
	blind, busy bool
	drifts      []inventory.Drift
	driftErr    error
	report      apply.Report
	repairErr   error
	bundle      string // empty for one ConfigMap
	repaired    [][]byte
	left        []inventory.Key
}

func (p *place) Watched() bool                                    { return !p.blind }
func (p *place) TryTurn() (done func(), free bool)                { return func() {}, !p.busy }
func (p *place) Drift(context.Context) ([]inventory.Drift, error) { return p.drifts, p.driftErr }
func (p *place) Bundle(_ context.Context, name, _ string) ([]byte, error) {
	if p.bundle != "" {
		return []byte(p.bundle), nil
	}
	return []byte("kind: ConfigMap\nmetadata: {name: " + name + "}\n"), nil
}

func (p *place) Repair(_ context.Context, manifests [][]byte, leave []inventory.Key) (apply.Report, error) {
	p.repaired, p.left = manifests, leave
	return p.report, p.repairErr
}

// fixture is a reconciler of the stage shop-dev, an hour after its start.
type fixture struct {
	*Reconciler
	client client.Client
	place  *place
	events *events.FakeRecorder
	now    time.Time
}

func newFixture(t *testing.T, p *place, change func(*v1alpha1.Stage), objects ...client.Object) *fixture {
	t.Helper()
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-dev"},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: "dev", Namespace: "sw-shop-dev"},
		Status:     v1alpha1.StageStatus{Release: "shop-dev-2"},
	}
	if change != nil {
		change(stage)
	}
	if len(objects) == 0 {
		objects = []client.Object{
			&v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}},
			applied(1, v1alpha1.PhaseSucceeded), applied(2, v1alpha1.PhaseFailed),
		}
	}
	f := &fixture{place: p, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), events: events.NewFakeRecorder(20)}
	f.client = kubefake.New(t, append(objects, stage)...)
	q := queue.New(1)
	t.Cleanup(q.Close)
	f.Reconciler = &Reconciler{
		Client: f.client, Queue: q, Events: f.events, Now: func() time.Time { return f.now }, Log: slog.New(slog.DiscardHandler),
		Targets:    func(context.Context, *v1alpha1.Stage) (Target, error) { return p, nil },
		contention: NewContentionTracker(), began: f.now.Add(-time.Hour), stages: map[string]types.NamespacedName{},
	}
	return f
}

// applied is a release that came as far as applying.
func applied(number int64, phase v1alpha1.Phase) *v1alpha1.Release {
	name := "shop-dev-" + string(rune('0'+number))
	return &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.ReleaseSpec{Project: "shop", Stage: "shop-dev", Sequence: number},
		Status:     v1alpha1.ReleaseStatus{Phase: phase, Bundle: "bundle-" + name, Timings: []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}},
	}
}

func (f *fixture) drift(t *testing.T) *v1alpha1.Drift {
	t.Helper()
	var stage v1alpha1.Stage
	if err := f.client.Get(t.Context(), shopDev.NamespacedName, &stage); err != nil {
		t.Fatal(err)
	}
	return stage.Status.Drift
}

// A stage is left alone until it can be looked at.
func TestReconcileWaits(t *testing.T) {
	suspended := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}, Spec: v1alpha1.ProjectSpec{Suspend: true}}
	other := &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "other"}}
	tests := map[string]struct {
		place   place
		change  func(*v1alpha1.Stage)
		objects []client.Object
		before  func(*fixture)
		again   time.Duration
		wantErr bool
	}{
		"nothing released yet": {change: func(s *v1alpha1.Stage) { s.Status.Release = "" }},
		"it goes": {change: func(s *v1alpha1.Stage) {
			s.DeletionTimestamp, s.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"slipway.dev/stage"}
		}},
		"a release runs": {before: func(f *fixture) {
			f.Queue.Submit(shopDev.NamespacedName, queue.Job{Sequence: 3, Run: func(ctx context.Context) bool { <-ctx.Done(); return false }})
		}, again: driftBusy},
		"its project is suspended": {objects: []client.Object{suspended}, again: driftSweep},
		"its project is gone":      {objects: []client.Object{other}},
		"somebody writes":          {place: place{busy: true}, again: driftBusy},
		"not watched yet":          {place: place{blind: true}, before: func(f *fixture) { f.began = f.now }, again: driftBusy},
		"never watched":            {place: place{blind: true}, again: driftSweep},
		"nothing differs":          {again: driftSweep},
		"the cluster is away":      {place: place{driftErr: errors.New("no answer")}, wantErr: true},
		"no target": {before: func(f *fixture) {
			f.Targets = func(context.Context, *v1alpha1.Stage) (Target, error) { return nil, errors.New("no cluster") }
		}, wantErr: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &tt.place, tt.change, tt.objects...)
			if tt.before != nil {
				tt.before(f)
			}
			result, err := f.Reconcile(t.Context(), shopDev)
			if (err != nil) != tt.wantErr || result.RequeueAfter != tt.again {
				t.Errorf("%v, %v; want again after %s", result, err, tt.again)
			}
			if f.place.repaired != nil || f.drift(t) != nil {
				t.Error("something was repaired or reported")
			}
		})
	}
}

// What others changed is set back, and everybody can see who did it.
func TestRepairsAndReports(t *testing.T) {
	conflict := []refusal.Conflict{{Ref: web("", "").Ref, Manager: "kubectl", Field: "spec.replicas"}}
	repaired := apply.Report{Repaired: []inventory.Ref{web("", "").Ref}}
	taken := repaired
	taken.Taken = conflict
	tests := map[string]struct {
		place   place
		message string // part of it; empty for no report
		manager string
		wantErr bool
	}{
		"changed":       {place{drifts: []inventory.Drift{web(inventory.DriftChanged, "kubectl-edit")}, report: repaired}, "was changed by kubectl-edit and was set back", "kubectl-edit", false},
		"a field of it": {place{drifts: []inventory.Drift{web(inventory.DriftChanged, "x")}, report: taken}, "spec.replicas was changed by kubectl and was set back", "kubectl", false},
		"deleted":       {place{drifts: []inventory.Drift{web(inventory.DriftDeleted, "")}, report: repaired}, "was deleted and was set back", "", false},
		"refused": {place{drifts: []inventory.Drift{web(inventory.DriftChanged, "")}, repairErr: fault.New(fault.Denied, "a webhook refuses it")},
			"was changed by somebody and could not be set back: a webhook refuses it", "", true},
		"not kept":         {place{drifts: []inventory.Drift{web(inventory.DriftChanged, "")}}, "its manifest is not kept any more", "", false},
		"by an autoscaler": {place{drifts: []inventory.Drift{web(inventory.DriftChanged, "hpa")}, report: apply.Report{Left: conflict}}, "", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, &tt.place, nil)
			result, err := f.Reconcile(t.Context(), shopDev)
			if (err != nil) != tt.wantErr || err == nil && result.RequeueAfter != driftSweep {
				t.Errorf("%v, %v", result, err)
			}
			if got := len(f.place.repaired); got != 4 { // two releases, each scaled and as it was
				t.Errorf("repaired from %d manifests, want 4", got)
			}
			reported := f.drift(t)
			if tt.message == "" {
				if reported != nil || len(f.events.Events) > 0 {
					t.Errorf("reported %+v", reported)
				}
				return
			}
			if reported == nil || !strings.Contains(reported.Message, tt.message) || reported.Manager != tt.manager {
				t.Fatalf("reported %+v, want %q by %q", reported, tt.message, tt.manager)
			}
			if event := <-f.events.Events; !strings.Contains(event, "DriftRepaired") || !strings.Contains(event, tt.message) {
				t.Errorf("the event says %q", event)
			}
		})
	}
}

// What was taken away for a sleep is not drift: what is missing is repaired from manifests
// without replicas, and from those of before.
func TestRepairsWhatSleeps(t *testing.T) {
	slept := applied(2, v1alpha1.PhaseSucceeded)
	slept.Spec.Trigger, slept.Status.Bundle = v1alpha1.TriggerAutoSleep, "bundle-shop-dev-1"
	p := &place{drifts: []inventory.Drift{web(inventory.DriftChanged, "kubectl")}, bundle: "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n"}
	f := newFixture(t, p, nil, &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}}, applied(1, v1alpha1.PhaseSucceeded), slept)
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	if len(p.repaired) != 2 || !strings.Contains(string(p.repaired[0]), "replicas: 0") || !strings.Contains(string(p.repaired[1]), "replicas: 2") {
		t.Errorf("repaired from %q", p.repaired)
	}
}

// Somebody who never stops is set back twice a minute, and is known by name.
func TestContentionIsLimitedAndShown(t *testing.T) {
	f := newFixture(t, &place{drifts: []inventory.Drift{web(inventory.DriftChanged, "other")}, report: apply.Report{Repaired: []inventory.Ref{web("", "").Ref}}}, nil)
	var last ctrl.Result
	for range 5 {
		f.place.repaired = nil
		var err error
		if last, err = f.Reconcile(t.Context(), shopDev); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(time.Second)
	}
	reported := f.drift(t)
	if f.place.repaired != nil || last.RequeueAfter <= 0 || last.RequeueAfter >= driftSweep {
		t.Errorf("the fifth in five seconds was set back, or is looked at after %s", last.RequeueAfter)
	}
	if reported == nil || !reported.Contended || !strings.Contains(reported.Message, "again and again") {
		t.Fatalf("reported %+v", reported)
	}
	if reported.Repairs < 2 {
		t.Errorf("counted %d repairs", reported.Repairs)
	}
	f.place.drifts, f.now = nil, f.now.Add(2*driftSweep)
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	if reported := f.drift(t); reported == nil || reported.Contended {
		t.Errorf("still contended though nothing differs: %+v", reported)
	}
}

// Only what was changed in a namespace of a known stage causes a look.
func TestChanged(t *testing.T) {
	f := newFixture(t, &place{}, nil)
	f.Changed(web(inventory.DriftChanged, "")) // before the start
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	if f.stages["sw-shop-dev"] != shopDev.NamespacedName {
		t.Errorf("knows %v", f.stages)
	}
	f.forget("sw-shop-dev")
	if len(f.stages) != 0 {
		t.Errorf("still knows %v", f.stages)
	}
}

func TestReleaseMoved(t *testing.T) {
	before := &v1alpha1.Stage{Status: v1alpha1.StageStatus{Release: "a", Phase: v1alpha1.PhaseApplying}}
	tests := map[string]struct {
		change func(*v1alpha1.Stage)
		want   bool
	}{
		"its services": {func(s *v1alpha1.Stage) { s.Status.Services = []v1alpha1.ServiceStatus{{Name: "web"}} }, false},
		"its phase":    {func(s *v1alpha1.Stage) { s.Status.Phase = v1alpha1.PhaseSucceeded }, true},
		"its release":  {func(s *v1alpha1.Stage) { s.Status.Release = "b" }, true},
		"its end":      {func(s *v1alpha1.Stage) { s.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			after := before.DeepCopy()
			tt.change(after)
			if got := releaseMoved(event.UpdateEvent{ObjectOld: before, ObjectNew: after}); got != tt.want {
				t.Errorf("causes a look: %t, want %t", got, tt.want)
			}
		})
	}
}

// A stage whose namespace is lost says so until the namespace is back.
func TestLostNamespace(t *testing.T) {
	lost := &place{driftErr: fmt.Errorf("look: %w", &release.Failure{Cause: "NamespaceLost", Message: "namespace sw-shop-dev is being deleted"})}
	f := newFixture(t, lost, nil)
	shown := func() *metav1.Condition {
		t.Helper()
		var stage v1alpha1.Stage
		if err := f.client.Get(t.Context(), shopDev.NamespacedName, &stage); err != nil {
			t.Fatal(err)
		}
		return meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionNamespace)
	}
	for range 2 {
		result, err := f.Reconcile(t.Context(), shopDev)
		if err != nil || result.RequeueAfter != driftLost {
			t.Fatalf("%v, %v", result, err)
		}
	}
	if got := shown(); got == nil || got.Status != metav1.ConditionFalse || !strings.Contains(got.Message, "is being deleted; once it is gone, `slipway deploy shop dev` makes it anew") {
		t.Errorf("the stage says %+v", got)
	}
	if n := len(f.events.Events); n != 1 {
		t.Errorf("%d events, want one", n)
	}
	lost.driftErr = nil
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	if got := shown(); got != nil {
		t.Errorf("it is back, and the stage says %+v", got)
	}
}
