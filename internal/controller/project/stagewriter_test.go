package project

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
)

// A head knows who put it there and what its commit says.
func TestHeadOfAStage(t *testing.T) {
	skip := func(r *repositories) { r.message = "change\n\n[skip slipway]" }
	tests := map[string]struct {
		have       []client.Object
		change     func(*repositories)
		deliveries []client.Object
		want       v1alpha1.Head
		fast       int // stages that take the fast path
	}{
		"pushed":                {deliveries: []client.Object{push("one", nil)}, want: v1alpha1.Head{Commit: commitA, Actor: "alice", Delivery: "one", Subject: "change"}, fast: 1},
		"found by a timer":      {want: v1alpha1.Head{Commit: commitA, Subject: "change"}, fast: 1},
		"asks to be skipped":    {change: skip, want: v1alpha1.Head{Commit: commitA, Subject: "change", Skip: true}, fast: 1},
		"its subject has marks": {change: func(r *repositories) { r.subject = "\x1b[2Jadd\u202e it" }, want: v1alpha1.Head{Commit: commitA, Subject: "add\ufffd it"}, fast: 1},
		"says nothing":          {change: func(r *repositories) { r.errs["Commit"] = errors.New("not kept") }, want: v1alpha1.Head{Commit: commitA, Subject: "change"}, fast: 1},
		"moved":                 {have: []client.Object{newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB })}, deliveries: []client.Object{push("one", nil)}, want: v1alpha1.Head{Commit: commitA, Actor: "alice", Delivery: "one", Subject: "change"}, fast: 1},
		"stays":                 {have: []client.Object{newStage(nil)}, want: v1alpha1.Head{Commit: commitA}},
		"the file changed":      {have: []client.Object{newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.FileID = "file-0" })}, want: v1alpha1.Head{Commit: commitA, Subject: "change"}, fast: 1},
		"the file changed, its actor is known": {have: []client.Object{newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.FileID, s.Spec.Wanted.Actor = "file-0", "bob" })},
			want: v1alpha1.Head{Commit: commitA, Actor: "bob", Subject: "change"}, fast: 1},
		"its actor comes late": {have: []client.Object{newStage(nil)}, deliveries: []client.Object{push("one", nil)}, want: v1alpha1.Head{Commit: commitA, Actor: "alice", Delivery: "one"}, fast: 1},
		"its actor is known": {have: []client.Object{newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Actor = "bob" })}, deliveries: []client.Object{push("one", nil)},
			want: v1alpha1.Head{Commit: commitA, Actor: "bob"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, append(append(tt.have, tt.deliveries...), newProject(nil))...)
			if tt.change != nil {
				tt.change(f.repos)
			}
			f.reconcile(t)
			tt.want.FileCommit, tt.want.FileID, tt.want.FileObject, tt.want.FileActor, tt.want.Acceptance = commitA, "file-1", fileID(fileWith(devRule)), v1alpha1.ActorRegistration, 1
			if diff := cmp.Diff(tt.want, f.stages(t)["dev"].Spec.Wanted); diff != "" {
				t.Errorf("the wanted head (-want +got):\n%s", diff)
			}
			if len(f.route.stages) != tt.fast {
				t.Errorf("%d stages took the fast path, want %d", len(f.route.stages), tt.fast)
			}
		})
	}
}

// What people say of a stage is not the sync's to change.
func TestPauseAndScaleStay(t *testing.T) {
	f := newFixture(t, newProject(nil), newStage(func(s *v1alpha1.Stage) {
		s.Spec.Wanted.Commit, s.Spec.Pause, s.Spec.Scale = commitB, &v1alpha1.Pause{By: "bob"}, map[string]int32{"web": 3}
	}))
	f.reconcile(t)
	spec := f.stages(t)["dev"].Spec
	if spec.Wanted.Commit != commitA || spec.Pause == nil || spec.Pause.By != "bob" || spec.Scale["web"] != 3 {
		t.Errorf("the stage is %+v", spec)
	}
}

// A stage whose branch was deleted goes if it says so.
func TestDeletedBranch(t *testing.T) {
	tests := map[string]struct {
		change func(*v1alpha1.Stage)
		gone   bool
	}{
		"is deleted with it":     {func(s *v1alpha1.Stage) { s.Spec.OnDelete = "delete" }, true},
		"stays":                  {func(s *v1alpha1.Stage) { s.Spec.OnDelete = "keep" }, false},
		"is being deleted by us": {func(s *v1alpha1.Stage) { s.Spec.OnDelete = "delete"; going(s) }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newProject(nil), newStage(func(s *v1alpha1.Stage) {
				s.Name, s.Spec.Name, s.Spec.Ref, s.Finalizers = "shop-old", "old", "refs/heads/old", nil
				tt.change(s)
			}))
			f.reconcile(t)
			if _, found := f.stages(t)["old"]; found == tt.gone {
				t.Errorf("still there: %t", found)
			}
		})
	}
}

// going makes a stage one that was deleted and is still taken down.
func going(s *v1alpha1.Stage) {
	s.DeletionTimestamp, s.Finalizers = &metav1.Time{Time: start()}, []string{"test/stays"}
}

// A stage that is taken down is made again only after its end.
func TestStageThatEndsIsLeftAlone(t *testing.T) {
	f := newFixture(t, newProject(nil), newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB; going(s) }))
	f.reconcile(t)
	if got := f.stages(t)["dev"].Spec.Wanted.Commit; got != commitB || len(f.route.stages) != 0 {
		t.Errorf("it wants %s", got)
	}
}

// Stages of a rule with a time to live end when it is over since the last push,
// and come back with the next commit only.
func TestExpiry(t *testing.T) {
	f := newFixture(t, newProject(nil))
	f.repos.file, f.repos.heads = fileWith(devRule+", "+featureRule), map[string]string{mainRef: commitA, "refs/heads/feature/x": commitA}
	steps := []struct {
		what   string
		after  time.Duration
		commit string
		want   int // stages
	}{
		{"pushed", 0, commitA, 2}, {"not over yet", time.Hour, commitA, 2}, {"over", time.Minute, commitA, 1},
		{"stays away", time.Minute, commitA, 1}, {"the next commit", time.Minute, commitB, 2},
	}
	for _, step := range steps {
		f.now = f.now.Add(step.after)
		f.repos.heads["refs/heads/feature/x"] = step.commit
		f.reconcile(t)
		f.finalize(t)
		if got := len(f.stages(t)); got != step.want {
			t.Errorf("%s: %d stages, want %d", step.what, got, step.want)
		}
		if got := len(f.project(t).Status.Expired); got != 2-step.want {
			t.Errorf("%s: %d refs have run out of time, want %d", step.what, got, 2-step.want)
		}
	}
}

// finalize lets the stages go that were deleted, as their reconciler would.
func (f *fixture) finalize(t *testing.T) {
	t.Helper()
	for _, stage := range f.stages(t) {
		if stage.DeletionTimestamp.IsZero() {
			continue
		}
		stage.Finalizers = nil
		if err := f.client.Update(t.Context(), &stage); err != nil {
			t.Fatal(err)
		}
	}
}

// An expired stage that is being taken down is not deleted twice.
func TestExpiredStageIsDeletedOnce(t *testing.T) {
	deletes := 0
	count := interceptor.Funcs{Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
		deletes++
		return nil
	}}
	f := newFixtureWith(t, count, newProject(nil))
	for range 2 {
		stage := newStage(func(s *v1alpha1.Stage) {
			if deletes > 0 {
				going(s)
			}
		})
		if err := f.Stages.DeleteExpired(t.Context(), []*v1alpha1.Stage{stage}); err != nil {
			t.Fatal(err)
		}
	}
	if deletes != 1 {
		t.Errorf("deleted %d times", deletes)
	}
}

// A stage that changed meanwhile makes the sync be repeated, sooner at first.
func TestConflicts(t *testing.T) {
	kind := schema.GroupKind{Group: v1alpha1.Group, Kind: "Stage"}
	moved := newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB })
	patch := func(err error) interceptor.Funcs {
		return interceptor.Funcs{Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return err
		}}
	}
	old := newStage(func(s *v1alpha1.Stage) { s.Name, s.Spec.Name, s.Spec.OnDelete = "shop-old", "old", "delete" })
	tests := map[string]struct {
		calls    interceptor.Funcs
		have     []client.Object
		conflict bool
	}{
		"it was made meanwhile": {interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
			return apierrors.NewAlreadyExists(stages(), "shop-dev")
		}}, nil, true},
		"its spec was changed": {patch(apierrors.NewInvalid(kind, "shop-dev", field.ErrorList{field.Invalid(field.NewPath("patch"), "", "testing path /metadata/generation failed")})), []client.Object{moved}, true},
		"it is gone":           {patch(apierrors.NewNotFound(stages(), "shop-dev")), []client.Object{moved}, true},
		"another has its name": {interceptor.Funcs{Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
			return apierrors.NewConflict(stages(), "shop-old", errors.New("the UID differs"))
		}}, []client.Object{old}, true},
		"the new spec is refused": {patch(apierrors.NewInvalid(kind, "shop-dev", nil)), []client.Object{moved}, false},
		"the API server is away":  {patch(errors.New("no answer")), []client.Object{moved}, false},
		"it may not be deleted": {interceptor.Funcs{Delete: func(context.Context, client.WithWatch, client.Object, ...client.DeleteOption) error {
			return errors.New("denied")
		}}, []client.Object{old}, false},
		"nothing stands in the way": {interceptor.Funcs{}, []client.Object{newStage(nil)}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixtureWith(t, tt.calls, append(tt.have, newProject(nil))...)
			for _, want := range []time.Duration{kube.ConflictDelay, 2 * kube.ConflictDelay, 4 * kube.ConflictDelay} {
				result, err := f.Reconcile(t.Context(), shop)
				if conflict := err == nil && result.RequeueAfter == want; conflict != tt.conflict {
					t.Fatalf("looks again after %s, %v", result.RequeueAfter, err)
				}
			}
			if f.project(t).Status.ObservedGeneration != 0 && tt.conflict {
				t.Error("a conflict was reported; it is no state of the project")
			}
		})
	}
}

// Conflicts that never end are met ever more seldom, and forgotten when a sync
// ends without one.
func TestConflictsInARow(t *testing.T) {
	m := newMemory(1)
	var last time.Duration
	for range 100 {
		last = m.conflicted(shop.NamespacedName)
	}
	if last != kube.RetryMax {
		t.Errorf("the hundredth is met after %s, want %s", last, kube.RetryMax)
	}
	m.ended(shop.NamespacedName)
	if got := m.conflicted(shop.NamespacedName); got != kube.ConflictDelay {
		t.Errorf("the next after a good sync is met after %s, want %s", got, kube.ConflictDelay)
	}
}
