package release

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
	"github.com/slipway-dev/slipway/internal/scm"
)

const (
	namespace = "slipway-org-acme"
	commit    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
)

var shopDev = client.ObjectKey{Namespace: namespace, Name: "shop-dev"}

func newStage(change func(*v1alpha1.Stage)) *v1alpha1.Stage {
	stage := &v1alpha1.Stage{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-dev", UID: "1"}, Spec: v1alpha1.StageSpec{Project: "shop", Name: "dev"}}
	if change != nil {
		change(stage)
	}
	return stage
}

// newRelease returns a release of the stage that ends in a phase.
func newRelease(number int64, trigger v1alpha1.Trigger, phase v1alpha1.Phase, change func(*v1alpha1.Release)) *v1alpha1.Release {
	rel := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: nameOf(number), OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(newStage(nil), v1alpha1.GroupVersion().WithKind("Stage"))}},
		Spec:       v1alpha1.ReleaseSpec{Project: "shop", Stage: "shop-dev", Sequence: number, Trigger: trigger, Head: v1alpha1.Head{Commit: commit}},
		Status:     v1alpha1.ReleaseStatus{Phase: phase},
	}
	if change != nil {
		change(rel)
	}
	return rel
}

func nameOf(number int64) string { return "shop-dev-" + string(rune('0'+number)) }

// stagesRunner ends every release at once, and records what it was asked.
type stagesRunner struct {
	answer runner.Answer
	err    error
	hold   bool // what runs is held

	mu   sync.Mutex
	done []string
}

func (s *stagesRunner) note(what string, in release.Inputs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, what+" "+in.Release.Name)
}

func (s *stagesRunner) Accept(_ context.Context, in release.Inputs, _ release.History) (runner.Answer, error) {
	s.note("accept", in)
	return s.answer, s.err
}

func (s *stagesRunner) Answered(_ release.Inputs, a runner.Answer) v1alpha1.ReleaseStatus {
	condition := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Accepted", LastTransitionTime: metav1.Now()}
	if a.Refused == nil {
		return v1alpha1.ReleaseStatus{Conditions: []metav1.Condition{condition}}
	}
	condition.Status = metav1.ConditionFalse
	return v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseFailed, Message: a.Refused.Message, Conditions: []metav1.Condition{condition}}
}

func (s *stagesRunner) Speculate(_ context.Context, in release.Inputs, _ *runner.Speculation) {
	s.note("speculate", in)
}

func (s *stagesRunner) Run(ctx context.Context, in release.Inputs, journal runner.Journal, _ *runner.Speculation) error {
	s.note("run", in)
	if s.hold {
		return journal.Write(ctx, v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseHeld})
	}
	return journal.Write(ctx, v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSucceeded})
}

func (s *stagesRunner) Supersede(ctx context.Context, in release.Inputs, journal runner.Journal) error {
	s.note("supersede", in)
	return journal.Write(ctx, v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSuperseded})
}

// placement gives every stage what its releases work with.
type placement struct{ err error }

func (p placement) Inputs(_ context.Context, stage *v1alpha1.Stage) (release.Inputs, error) {
	return release.Inputs{Organization: "acme", Project: &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}}, Stage: stage}, p.err
}

type fixture struct {
	*Reconciler
	client client.Client
	runner *stagesRunner
}

func newFixture(t *testing.T, objects ...client.Object) *fixture {
	t.Helper()
	f := &fixture{client: kubefake.New(t, objects...), runner: &stagesRunner{}}
	f.Reconciler = New(Reconciler{
		Client: f.client, Live: f.client, Queue: queue.New(1), Journals: &fastpath.Journals{Client: f.client, Gate: queue.NewPriorityGate(time.Millisecond), Delay: fastpath.PhaseDelay, Log: slog.New(slog.DiscardHandler)},
		Targets: placement{}, Runner: f.runner, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(f.Queue.Close)
	return f
}

// idle waits until nothing runs any more.
func (f *fixture) idle(t *testing.T) []string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); f.Queue.Busy(shopDev); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a release never ended")
		}
	}
	f.runner.mu.Lock()
	defer f.runner.mu.Unlock()
	return slices.Clone(f.runner.done)
}

func (f *fixture) phase(t *testing.T, number int64) v1alpha1.Phase {
	t.Helper()
	var rel v1alpha1.Release
	if err := f.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: nameOf(number)}, &rel); err != nil {
		t.Fatal(err)
	}
	return rel.Status.Phase
}

func TestReconcile(t *testing.T) {
	foreign := func(r *v1alpha1.Release) { r.OwnerReferences[0].UID = "another" }
	going := func(s *v1alpha1.Stage) {
		s.DeletionTimestamp, s.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"test/stays"}
	}
	one := newRelease(1, v1alpha1.TriggerPush, "", nil)
	tests := map[string]struct {
		objects []client.Object
		number  int64
		before  func(*fixture)
		did     []string
		phases  map[int64]v1alpha1.Phase
		again   time.Duration
		wantErr bool
	}{
		"it is gone":             {number: 1},
		"it is done":             {objects: []client.Object{newStage(nil), newRelease(1, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil)}, number: 1},
		"its stage is gone":      {objects: []client.Object{one}, number: 1},
		"its stage goes":         {objects: []client.Object{newStage(going), one}, number: 1},
		"of an older stage":      {objects: []client.Object{newStage(nil), newRelease(1, v1alpha1.TriggerPush, "", foreign)}, number: 1, again: foreignPoll},
		"it is prepared":         {objects: []client.Object{newStage(nil), one}, number: 1, before: func(f *fixture) { f.Queue.Reserve(shopDev) }, again: queue.ReservedPoll},
		"its cluster is unknown": {objects: []client.Object{newStage(nil), one}, number: 1, before: func(f *fixture) { f.Targets = placement{errors.New("no cluster")} }, wantErr: true},
		"it runs":                {objects: []client.Object{newStage(nil), one}, number: 1, did: []string{"run shop-dev-1"}, phases: map[int64]v1alpha1.Phase{1: v1alpha1.PhaseSucceeded}},
		"it is held": {objects: []client.Object{newStage(nil), newRelease(1, v1alpha1.TriggerPush, v1alpha1.PhaseHeld, nil)}, number: 1,
			before: func(f *fixture) { f.runner.hold = true }, did: []string{"run shop-dev-1"}, again: heldPoll},
		"a newer one is there": {objects: []client.Object{newStage(nil), one, newRelease(2, v1alpha1.TriggerPush, "", nil)}, number: 1,
			did: []string{"supersede shop-dev-1"}, phases: map[int64]v1alpha1.Phase{1: v1alpha1.PhaseSuperseded}},
		"it overtakes": {objects: []client.Object{newStage(nil), one, newRelease(2, v1alpha1.TriggerPush, "", nil)}, number: 2,
			phases: map[int64]v1alpha1.Phase{1: v1alpha1.PhaseSuperseded, 2: v1alpha1.PhaseSucceeded}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tt.objects...)
			if tt.before != nil {
				tt.before(f)
			}
			result, err := f.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: nameOf(tt.number)}})
			if (err != nil) != tt.wantErr || result.RequeueAfter != tt.again {
				t.Errorf("%v, %v; want again after %s", result, err, tt.again)
			}
			if name == "it is prepared" {
				return // it is never let go
			}
			if did := f.idle(t); tt.phases == nil && !slices.Equal(did, tt.did) || tt.did != nil && !slices.Equal(did, tt.did) {
				t.Errorf("did %v, want %v", did, tt.did)
			}
			for number, want := range tt.phases {
				if got := f.phase(t, number); got != want {
					t.Errorf("release %d is %s, want %s", number, got, want)
				}
			}
		})
	}
}

// When all slots are taken, what somebody waits for runs before what was pushed
// earlier: what a person asked for, accepted or not, and what was held.
func TestAwaitedReleasesComeFirst(t *testing.T) {
	other := newStage(func(s *v1alpha1.Stage) { s.Name, s.UID, s.Spec.Name = "shop-production", "2", "production" })
	of := func(trigger v1alpha1.Trigger, phase v1alpha1.Phase) *v1alpha1.Release {
		return newRelease(1, trigger, phase, func(r *v1alpha1.Release) {
			r.Name, r.Spec.Stage, r.Spec.By = "shop-production-1", other.Name, "alice"
			r.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(other, v1alpha1.GroupVersion().WithKind("Stage"))}
		})
	}
	tests := map[string]struct {
		second *v1alpha1.Release
		first  bool
	}{
		"pushed later":     {second: of(v1alpha1.TriggerPush, "")},
		"asked for":        {second: of(v1alpha1.TriggerDeploy, ""), first: true},
		"asked for, begun": {second: of(v1alpha1.TriggerDeploy, v1alpha1.PhaseBuilding), first: true},
		"held":             {second: of(v1alpha1.TriggerPush, v1alpha1.PhaseHeld), first: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pushed := newRelease(1, v1alpha1.TriggerPush, "", nil)
				f := newFixture(t, newStage(nil), other.DeepCopy(), pushed, tt.second)
				let := make(chan struct{})
				f.Queue.Submit(client.ObjectKey{Name: "busy"}, queue.Job{Sequence: 1, Run: func(context.Context) bool { <-let; return true }})
				for _, rel := range []*v1alpha1.Release{pushed, tt.second} {
					synctest.Wait()
					if _, err := f.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(rel)}); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				close(let)
				ran := slices.DeleteFunc(f.idle(t), func(what string) bool { return !strings.HasPrefix(what, "run ") })
				if len(ran) == 0 || (ran[0] == "run shop-production-1") != tt.first {
					t.Errorf("ran %v, the later one first: want %t", ran, tt.first)
				}
			})
		})
	}
}

// What a person asks for is decided about before// What a person asks for is decided about before it overtakes anything.
func TestAskedReleases(t *testing.T) {
	asked := newRelease(2, v1alpha1.TriggerRollback, "", func(r *v1alpha1.Release) { r.OwnerReferences, r.Spec.From, r.Spec.By = nil, nameOf(1), "alice" })
	quarantine := &v1alpha1.Quarantine{Commit: commit, Release: nameOf(1), At: metav1.Now()}
	tests := map[string]struct {
		answer  runner.Answer
		err     error
		phase   v1alpha1.Phase
		wantErr bool
	}{
		"accepted":         {answer: runner.Answer{Quarantine: quarantine, Scales: true, Scale: map[string]int32{"web": 3}}, phase: v1alpha1.PhaseSucceeded},
		"refused":          {answer: runner.Answer{Refused: &release.Failure{Cause: "Denied", Message: "bob may not"}}, phase: v1alpha1.PhaseFailed},
		"can't be decided": {err: errors.New("git is away"), wantErr: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newStage(nil), newRelease(1, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil), asked.DeepCopy())
			f.runner.answer, f.runner.err = tt.answer, tt.err
			_, err := f.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(asked)})
			if (err != nil) != tt.wantErr {
				t.Fatal(err)
			}
			f.idle(t)
			if got := f.phase(t, 2); got != tt.phase {
				t.Errorf("it is %q, want %q", got, tt.phase)
			}
			var rel v1alpha1.Release
			var stage v1alpha1.Stage
			if err := errors.Join(f.client.Get(t.Context(), client.ObjectKeyFromObject(asked), &rel), f.client.Get(t.Context(), shopDev, &stage)); err != nil {
				t.Fatal(err)
			}
			if !metav1.IsControlledBy(&rel, &stage) {
				t.Error("it does not go with its stage")
			}
			if changed := stage.Status.Quarantine != nil && stage.Status.Scale["web"] == 3; changed != (name == "accepted") {
				t.Errorf("the stage has %+v", stage.Status)
			}
		})
	}
}

// A release that was made a moment ago begins at once, unless a newer one is there.
func TestBeginAndSpeculate(t *testing.T) {
	f := newFixture(t, newStage(nil), newRelease(1, v1alpha1.TriggerPush, "", nil))
	if _, err := f.Speculate(t.Context(), newStage(nil), newRelease(1, v1alpha1.TriggerPush, "", nil)); err != nil {
		t.Fatal(err)
	}
	var rel v1alpha1.Release
	if err := f.client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: nameOf(1)}, &rel); err != nil {
		t.Fatal(err)
	}
	if err := f.Begin(t.Context(), newStage(nil), &rel, nil); err != nil {
		t.Fatal(err)
	}
	f.idle(t)
	if got := f.phase(t, 1); got != v1alpha1.PhaseSucceeded {
		t.Errorf("it is %s", got)
	}
	f = newFixture(t, newStage(nil), newRelease(1, v1alpha1.TriggerPush, "", nil), newRelease(2, v1alpha1.TriggerPush, "", nil))
	if err := f.Begin(t.Context(), newStage(nil), newRelease(1, v1alpha1.TriggerPush, "", nil), nil); err != nil || len(f.idle(t)) != 0 {
		t.Errorf("an overtaken one began: %v", err)
	}
	f.Targets = placement{errors.New("no cluster")}
	if _, err := f.Speculate(t.Context(), newStage(nil), newRelease(3, v1alpha1.TriggerPush, "", nil)); err == nil {
		t.Error("speculates without a target")
	}
}

// A check that ended has the releases looked at that wait for its commit.
func TestHeldFor(t *testing.T) {
	check := &v1alpha1.Delivery{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "d"}, Spec: v1alpha1.DeliverySpec{Project: "shop", Event: string(scm.KindCheck), After: commit}}
	f := newFixture(t, newStage(nil), newRelease(1, v1alpha1.TriggerPush, v1alpha1.PhaseHeld, nil), newRelease(2, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil),
		newRelease(3, v1alpha1.TriggerPush, v1alpha1.PhaseHeld, func(r *v1alpha1.Release) { r.Spec.Project = "other" }))
	if got := f.heldFor(t.Context(), check); len(got) != 1 || got[0].Name != nameOf(1) {
		t.Errorf("asks for %v", got)
	}
	push := check.DeepCopy()
	push.Spec.Event = string(scm.KindPush)
	if got := f.heldFor(t.Context(), push); got != nil {
		t.Errorf("a push asks for %v", got)
	}
}

// The source of a release, and its stage, may be gone.
func TestSource(t *testing.T) {
	from := newRelease(2, v1alpha1.TriggerPromotion, "", func(r *v1alpha1.Release) { r.Spec.From = nameOf(1) })
	tests := map[string]struct {
		objects     []client.Object
		from, stage bool
	}{
		"both there": {[]client.Object{newStage(nil), newRelease(1, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil)}, true, true},
		"no stage":   {[]client.Object{newRelease(1, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil)}, true, false},
		"no release": {[]client.Object{newStage(nil)}, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rel, stage, err := newFixture(t, tt.objects...).source(t.Context(), from)
			if err != nil || (rel != nil) != tt.from || (stage != nil) != tt.stage {
				t.Errorf("%v, %v, %v", rel, stage, err)
			}
		})
	}
}
