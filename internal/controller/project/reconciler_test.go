package project

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube"
)

// A sync says on the project and on the deliveries that waited what came of it.
// What may pass is tried again, and the deliveries wait on.
func TestSync(t *testing.T) {
	away := fault.New(fault.Unavailable, "git.example does not answer")
	tests := map[string]struct {
		project  func(*v1alpha1.Project)
		change   func(*repositories)
		reason   string // of the condition Synced
		delivery string // empty: it waits on
		wantErr  bool
	}{
		"all is well":   {reason: "Synced", delivery: "Done: synced"},
		"a trusted ref": {project: func(p *v1alpha1.Project) { p.Spec.TrustedRef = mainRef }, reason: "Synced", delivery: "Done: synced"},
		"the file is refused": {change: func(r *repositories) { r.file = fileWith("{name: dev}") }, reason: "ProjectFileInvalid",
			delivery: "Failed: slipway.yaml:4:"},
		"the file is another project's": {change: func(r *repositories) { r.errs["File"] = fault.New(fault.Denied, "it belongs to another") }, reason: "Denied",
			delivery: "Failed: it belongs to another"},
		"the forge is away":                {change: func(r *repositories) { r.errs["Heads"] = away }, reason: "Unavailable", wantErr: true},
		"the credentials are refused":      {change: func(r *repositories) { r.errs["Heads"] = fault.New(fault.Denied, "no access") }, reason: "Denied", delivery: "Failed: no access"},
		"another repository is away":       {change: func(r *repositories) { r.errs["File"] = away }, reason: "Unavailable", wantErr: true},
		"the file can't be read":           {change: func(r *repositories) { r.errs["File"] = errors.New("disk full") }, reason: "InternalError", wantErr: true},
		"there is no default branch":       {change: func(r *repositories) { r.heads = map[string]string{"refs/heads/x": commitA} }, reason: "NotFound", delivery: "Failed: repository acme/shop has no ref refs/heads/main"},
		"the repository is empty":          {change: func(r *repositories) { r.heads = nil }, reason: "NotFound", delivery: "Failed: repository acme/shop is empty"},
		"the trusted ref is gone":          {project: func(p *v1alpha1.Project) { p.Spec.TrustedRef = "refs/heads/gone" }, reason: "NotFound", delivery: "Failed: repository acme/shop has no ref refs/heads/gone"},
		"more stages than a project holds": {change: manyBranches, reason: "Invalid", delivery: "Failed: project shop would have 2001 stages"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newProject(tt.project), push("one", nil))
			if tt.change != nil {
				tt.change(f.repos)
			}
			result, err := f.Reconcile(t.Context(), shop)
			if (err != nil) != tt.wantErr {
				t.Fatal(err)
			}
			if err == nil && (result.RequeueAfter < f.Interval || result.RequeueAfter > 2*f.Interval) {
				t.Errorf("looks again after %s", result.RequeueAfter)
			}
			p := f.project(t)
			condition := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSynced)
			if condition == nil || condition.Reason != tt.reason || (condition.Status == metav1.ConditionTrue) != (tt.reason == "Synced") || p.Status.ObservedGeneration != 1 {
				t.Errorf("the status is %+v, want the reason %s", p.Status, tt.reason)
			}
			if got := f.cleaned()["one"]; !strings.HasPrefix(got, tt.delivery) || tt.delivery == "" && got != "" {
				t.Errorf("the delivery is %q, want %q", got, tt.delivery)
			}
			if synced := tt.reason == "Synced"; synced != (len(f.stages(t)) == 1) || synced && (p.Status.Stages != 1 || p.Status.FileCommit != commitA) {
				t.Errorf("%d stages, the status is %+v", len(f.stages(t)), p.Status)
			}
		})
	}
}

// manyBranches has more branches than a project may have stages.
func manyBranches(r *repositories) {
	r.file = fileWith(featureRule)
	for i := range maxStages + 1 {
		r.heads[fmt.Sprintf("refs/heads/feature/%d", i)] = commitA
	}
}

// A project is synced when a delivery waits, when it changed, and when the time
// is over; after a failure at once.
func TestWhenAProjectIsSynced(t *testing.T) {
	own := metav1.Duration{Duration: 10 * time.Second}
	tests := map[string]struct {
		project func(*v1alpha1.Project)
		after   time.Duration // since the first sync
		happens func(*testing.T, *fixture)
		want    bool
	}{
		"nothing happened":     {after: 59 * time.Second},
		"the time is over":     {after: time.Minute, want: true},
		"its own time is over": {project: func(p *v1alpha1.Project) { p.Spec.SyncInterval = &own }, after: 10 * time.Second, want: true},
		"it changed": {happens: func(t *testing.T, f *fixture) {
			f.update(t, func(p *v1alpha1.Project) { p.Generation++ })
		}, want: true},
		"a delivery waits": {happens: func(t *testing.T, f *fixture) {
			if err := f.client.Create(t.Context(), push("two", nil)); err != nil {
				t.Fatal(err)
			}
		}, want: true},
		"it was suspended": {happens: func(t *testing.T, f *fixture) { f.update(t, func(p *v1alpha1.Project) { p.Spec.Suspend = true }) }, after: time.Hour},
		"its git server is busy": {happens: func(_ *testing.T, f *fixture) {
			for range syncsPerHost {
				f.hosts.enter("git.example")
			}
		}, after: time.Hour},
		"the last one failed": {happens: func(t *testing.T, f *fixture) {
			f.now, f.repos.errs["Heads"] = f.now.Add(time.Minute), fault.New(fault.Unavailable, "away")
			if _, err := f.Reconcile(t.Context(), shop); err == nil {
				t.Fatal("no error")
			}
			delete(f.repos.errs, "Heads")
		}, want: true},
		"a stage of it ended": {happens: func(t *testing.T, f *fixture) {
			requests := workqueue.NewTypedRateLimitingQueue(kube.Retries())
			defer requests.ShutDown()
			f.stageEnded(t.Context(), event.DeleteEvent{Object: newStage(nil)}, requests)
			f.stageEnded(t.Context(), event.DeleteEvent{Object: newProject(nil)}, requests)
			if request, _ := requests.Get(); request != shop || requests.Len() != 0 {
				t.Errorf("asks for a sync of %v and %d others", request, requests.Len())
			}
		}, want: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newProject(tt.project))
			f.reconcile(t)
			if tt.happens != nil {
				tt.happens(t, f)
			}
			f.now = f.now.Add(tt.after)
			before := f.repos.reads
			f.reconcile(t)
			if got := f.repos.reads > before; got != tt.want || f.repos.expired != f.repos.reads {
				t.Errorf("synced: %t, want %t", got, tt.want)
			}
		})
	}
}

func (f *fixture) update(t *testing.T, change func(*v1alpha1.Project)) {
	t.Helper()
	p := f.project(t)
	change(p)
	if err := f.client.Update(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

// A project whose git server is busy comes back soon.
func TestBusyHost(t *testing.T) {
	f := newFixture(t, newProject(nil))
	var slot *hostSlot
	for range syncsPerHost {
		slot, _ = f.hosts.enter("git.example")
	}
	if result := f.reconcile(t); result.RequeueAfter < forge.BusyDelay || result.RequeueAfter > 2*forge.BusyDelay {
		t.Errorf("comes back after %s", result.RequeueAfter)
	}
	slot.leave()
	f.reconcile(t)
	if f.repos.reads != 1 || f.hosts.taken["git.example"] != syncsPerHost-1 {
		t.Errorf("read %d times, %d slots are taken", f.repos.reads, f.hosts.taken["git.example"])
	}
}

// A project that is pushed to without end is synced at a pace.
func TestPace(t *testing.T) {
	f := newFixture(t, newProject(nil))
	var last ctrl.Result
	for i := range 2 * syncBurst {
		if err := f.client.Create(t.Context(), push(fmt.Sprintf("d-%d", i), nil)); err != nil {
			t.Fatal(err)
		}
		last = f.reconcile(t)
	}
	if f.repos.reads >= syncBurst || last.RequeueAfter <= 0 || last.RequeueAfter > 2*time.Second {
		t.Errorf("synced %d times at one moment, comes back after %s", f.repos.reads, last.RequeueAfter)
	}
	before := f.repos.reads
	f.now = f.now.Add(last.RequeueAfter)
	if f.reconcile(t); f.repos.reads != before+1 {
		t.Error("was not synced after the pause")
	}
}

// Timers have a pace, all projects together; a delivery, a changed project and a sync
// that is tried again don't wait for it.
func TestTimersHaveAPace(t *testing.T) {
	tests := map[string]struct {
		generation int64
		objects    []client.Object
		again      bool
		waits      bool
	}{
		"timer":            {generation: 1, waits: true},
		"delivery":         {generation: 1, objects: []client.Object{push("d-1", nil)}},
		"changed project":  {generation: 2},
		"a sync to repeat": {generation: 1, again: true},
		"an acceptance": {generation: 1, objects: []client.Object{&v1alpha1.Acceptance{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "accept", UID: "accept"}, Spec: accepted("alice", "eve"),
		}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, append(tt.objects, newProject(func(p *v1alpha1.Project) {
				p.Generation, p.Status.ObservedGeneration = tt.generation, 1
			}))...)
			for i := range timerBurst + 1 {
				f.memory.turn(types.NamespacedName{Namespace: namespace, Name: fmt.Sprint("other-", i)}, f.now)
			}
			if tt.again {
				f.memory.again(shop.NamespacedName)
			}
			for _, left := range []time.Duration{time.Second, time.Second / 4} { // two a second, and one is before it
				if !tt.waits {
					break
				}
				f.now = start().Add(time.Second - left)
				if got := f.reconcile(t).RequeueAfter; got != left || f.repos.reads > 0 {
					t.Errorf("the project waits %v after %d syncs, want %v", got, f.repos.reads, left)
				}
				f.now = start().Add(time.Second)
			}
			if f.reconcile(t); f.repos.reads != 1 {
				t.Errorf("%d syncs when it is its turn", f.repos.reads)
			}
		})
	}
}

// A project that is gone or going is left alone, and a new one of its name is
// synced at once.
func TestProjectThatIsGone(t *testing.T) {
	going := newProject(func(p *v1alpha1.Project) {
		p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: start()}, []string{"test/stays"}
	})
	for name, objects := range map[string][]client.Object{"gone": nil, "going": {going}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, objects...)
			if result := f.reconcile(t); result != (ctrl.Result{}) || f.repos.reads != 0 {
				t.Errorf("%v, read %d times", result, f.repos.reads)
			}
		})
	}
	f := newFixture(t, newProject(nil))
	f.reconcile(t)
	f.takeDown(t)
	if err := f.client.Delete(t.Context(), newProject(nil)); err != nil {
		t.Fatal(err)
	}
	f.reconcile(t) // lets it go
	f.reconcile(t)
	if len(f.memory.projects) != 0 {
		t.Error("a project that is gone is remembered")
	}
}

// An API server that fails is asked again, and nothing is taken for done.
func TestAPIServerFails(t *testing.T) {
	refused := errors.New("no answer")
	listsOf := func(list client.ObjectList) interceptor.Funcs {
		return interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, into client.ObjectList, options ...client.ListOption) error {
			if fmt.Sprintf("%T", into) == fmt.Sprintf("%T", list) {
				return refused
			}
			return c.List(ctx, into, options...)
		}}
	}
	tests := map[string]interceptor.Funcs{
		"reading the project": {Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
			return refused
		}},
		"listing deliveries": listsOf(&v1alpha1.DeliveryList{}),
		"listing stages":     listsOf(&v1alpha1.StageList{}),
		"making a stage": {Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return refused
		}},
		"writing the status": {SubResourcePatch: func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error {
			return refused
		}},
	}
	for name, calls := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixtureWith(t, calls, newProject(nil), push("one", nil))
			if _, err := f.Reconcile(t.Context(), shop); !errors.Is(err, refused) {
				t.Errorf("got %v", err)
			}
			if cleaned := f.cleaned(); len(cleaned) != 0 {
				t.Errorf("deliveries are %v", cleaned)
			}
			if !f.memory.began(shop.NamespacedName).IsZero() {
				t.Error("the next sync is not due")
			}
		})
	}
}

// A sync that finds nothing new writes nothing, even if the watch cache lags
// behind.
func TestNothingNewWritesNothing(t *testing.T) {
	writes := 0
	calls := interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			writes++
			return createAsServer(ctx, c, o, options...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
			writes++
			return c.Patch(ctx, o, p, options...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, options ...client.SubResourcePatchOption) error {
			writes++
			return c.SubResource(sub).Patch(ctx, o, p, options...)
		},
	}
	f := newFixtureWith(t, calls, newProject(nil))
	f.reconcile(t)
	if writes != 3 { // which file is accepted, the stage, and the project's status
		t.Fatalf("the first sync wrote %d times", writes)
	}
	old := f.project(t)
	old.Status = v1alpha1.ProjectStatus{} // as a cache that lags shows it
	if err := f.client.Status().Update(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	if f.reconcile(t); writes != 3 || f.repos.reads != 2 {
		t.Errorf("wrote %d times in %d syncs", writes, f.repos.reads)
	}
}

func TestProjectOfDelivery(t *testing.T) {
	done := func(d *v1alpha1.Delivery) { d.Status.Phase = v1alpha1.DeliveryDone }
	tests := map[string]struct {
		object client.Object
		want   []reconcile.Request
	}{
		"waits":   {push("one", nil), []reconcile.Request{shop}},
		"is done": {push("one", done), nil},
		"replayed": {push("one", func(d *v1alpha1.Delivery) {
			done(d)
			d.Annotations = map[string]string{v1alpha1.AnnotationReplay: "now"}
		}), []reconcile.Request{shop}},
		"no one": {newProject(nil), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, projectOfDelivery(t.Context(), tt.object)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
