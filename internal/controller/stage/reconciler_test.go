package stage

import (
	"context"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
)

const (
	namespace = "slipway-org-acme"
	commitA   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB   = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// place is where stages are on their clusters.
type place struct {
	remains string
	err     error
	torn    []string
	pruned  []string // the bundles that stay
}

func (p *place) Teardown(_ context.Context, stage *v1alpha1.Stage) (string, error) {
	p.torn = append(p.torn, stage.Name)
	return p.remains, p.err
}

func (p *place) PruneBundles(_ context.Context, _ *v1alpha1.Stage, _ int, used []string) error {
	p.pruned = used
	return nil
}

// ancestry knows which commits descend from a quarantined one.
type ancestry struct {
	descends bool
	err      error
}

func (a ancestry) Descends(context.Context, *v1alpha1.Project, string, string) (bool, error) {
	return a.descends, a.err
}

// start is when tests begin.
func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func newStage(change func(*v1alpha1.Stage)) *v1alpha1.Stage {
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-dev", UID: "1", Generation: 1, Finalizers: []string{stageFinalizer}},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: "dev", Rule: "dev", Ref: "refs/heads/dev", Wanted: v1alpha1.Head{Commit: commitA, FileCommit: commitA}},
	}
	if change != nil {
		change(stage)
	}
	return stage
}

// newRelease returns the stage's release of a number, as it ended.
func newRelease(number int64, commit string, trigger v1alpha1.Trigger, phase v1alpha1.Phase, change func(*v1alpha1.Release)) *v1alpha1.Release {
	stage := newStage(nil)
	rel := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: naming.Release(stage.Name, number), OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(stage, v1alpha1.GroupVersion().WithKind("Stage"))}},
		Spec:       v1alpha1.ReleaseSpec{Project: "shop", Stage: stage.Name, Sequence: number, Trigger: trigger, Head: v1alpha1.Head{Commit: commit, FileCommit: commit}},
		Status:     v1alpha1.ReleaseStatus{Phase: phase, Message: "release ended"},
	}
	if phase == v1alpha1.PhaseSucceeded {
		rel.Status.Bundle, rel.Status.BundleDigest = "bundle-"+rel.Name, "sha256:"+commit
		rel.Status.Timings = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}
	}
	if change != nil {
		change(rel)
	}
	return rel
}

// fixture is a reconciler of the stage shop-dev.
type fixture struct {
	*Reconciler
	client client.Client
	place  *place
}

func newFixture(t *testing.T, objects ...client.Object) *fixture {
	t.Helper()
	objects = append(objects, &v1alpha1.Project{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"}})
	c := kubefake.New(t, objects...)
	q := queue.New(1)
	t.Cleanup(q.Close)
	f := &fixture{client: c, place: &place{}}
	f.Reconciler = &Reconciler{Client: c, Live: c, Queue: q, Targets: f.place, Ancestry: ancestry{}, Now: start}
	return f
}

var shopDev = ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: "shop-dev"}}

func (f *fixture) releases(t *testing.T) []v1alpha1.Release {
	t.Helper()
	releases, err := kube.ReleasesOf(t.Context(), f.client, newStage(nil))
	if err != nil {
		t.Fatal(err)
	}
	return releases
}

func (f *fixture) stage(t *testing.T) v1alpha1.Stage {
	t.Helper()
	var stage v1alpha1.Stage
	if err := f.client.Get(t.Context(), shopDev.NamespacedName, &stage); err != nil {
		t.Fatal(err)
	}
	return stage
}

// A pushed head becomes one release, and a stage whose head runs gets none.
func TestReconcileMakesReleases(t *testing.T) {
	live := func(s *v1alpha1.Stage) {}
	tests := map[string]struct {
		stage    *v1alpha1.Stage
		releases []client.Object
		reserve  bool
		want     int // releases afterwards
		again    time.Duration
	}{
		"first push":            {stage: newStage(nil), want: 1},
		"a release is prepared": {stage: newStage(nil), reserve: true, again: queue.ReservedPoll},
		"its head runs":         {stage: newStage(live), releases: []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil)}, want: 1},
		"another commit runs":   {stage: newStage(nil), releases: []client.Object{newRelease(1, commitB, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil)}, want: 2},
		"waits for a promotion": {stage: newStage(func(s *v1alpha1.Stage) { s.Spec.PromoteFrom = "staging" })},
		"asked to be skipped":   {stage: newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Skip = true })},
		"paused by a person":    {stage: newStage(func(s *v1alpha1.Stage) { s.Spec.Pause = &v1alpha1.Pause{By: "alice"} })},
		"failed and goes back":  {stage: newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB }), releases: []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil), failedAndReturns(2)}, want: 3},
		"newest has no phase":   {stage: newStage(nil), releases: []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, "", func(r *v1alpha1.Release) { r.CreationTimestamp = metav1.NewTime(start()) })}, want: 1, again: showDelay},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, append(tt.releases, tt.stage)...)
			if tt.reserve {
				defer f.Queue.Reserve(shopDev.NamespacedName)()
			}
			result, err := f.Reconcile(t.Context(), shopDev)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(f.releases(t)); got != tt.want {
				t.Errorf("%d releases, want %d", got, tt.want)
			}
			if tt.again == 0 && result.RequeueAfter != 0 || tt.again != 0 && (result.RequeueAfter <= 0 || result.RequeueAfter > tt.again) {
				t.Errorf("looks again after %s, want %s", result.RequeueAfter, tt.again)
			}
		})
	}
}

// failedAndReturns is a release that broke what ran, and whose stage rolls back.
func failedAndReturns(number int64) *v1alpha1.Release {
	return newRelease(number, commitB, v1alpha1.TriggerPush, v1alpha1.PhaseFailed, func(r *v1alpha1.Release) {
		r.Status.Timings = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}
		r.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionAutoRollback, Status: metav1.ConditionTrue}}
	})
}

// What a stage rolls back from is quarantined before the release exists.
func TestRollbackQuarantines(t *testing.T) {
	f := newFixture(t, newStage(func(s *v1alpha1.Stage) { s.Spec.Wanted.Commit = commitB }), newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil), failedAndReturns(2))
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
		t.Fatal(err)
	}
	back, stage := f.releases(t)[0], f.stage(t)
	if back.Spec.Trigger != v1alpha1.TriggerAutoRollback || back.Spec.From != naming.Release("shop-dev", 1) || back.Spec.Head.Commit != commitA {
		t.Errorf("rolls back with %+v", back.Spec)
	}
	if q := stage.Status.Quarantine; q == nil || q.Commit != commitB || q.Reason != "release ended" {
		t.Errorf("quarantined is %+v", q)
	}
	if !metav1.IsControlledBy(&back, &stage) {
		t.Error("the stage does not own its release")
	}
}

// A release is only made for the stage that the API server has: the watch
// cache may be behind.
func TestStaleCacheMakesNothing(t *testing.T) {
	f := newFixture(t, newStage(nil))
	f.Live = kubefake.New(t, newStage(func(s *v1alpha1.Stage) { s.Generation = 2 }))
	result, err := f.Reconcile(t.Context(), shopDev)
	if err != nil || result.RequeueAfter != queue.ReservedPoll || len(f.releases(t)) != 0 {
		t.Errorf("%v, %v, %d releases", result, err, len(f.releases(t)))
	}
	f.Live = kubefake.New(t)
	if _, err := f.Reconcile(t.Context(), shopDev); err != nil || len(f.releases(t)) != 0 {
		t.Errorf("a stage that is gone: %v, %d releases", err, len(f.releases(t)))
	}
}

// A release that the queue knows already isn't made again.
func TestReleaseInTheQueueIsNotMadeAgain(t *testing.T) {
	f := newFixture(t, newStage(nil))
	f.Queue.Submit(shopDev.NamespacedName, queue.Job{Sequence: 1, Run: func(ctx context.Context) bool { <-ctx.Done(); return false }})
	stage := newStage(nil)
	made, err := f.Release(t.Context(), stage, nil, release.Step{Trigger: v1alpha1.TriggerPush})
	if made != nil || err != nil {
		t.Errorf("made %v, %v", made, err)
	}
}

func TestShow(t *testing.T) {
	tests := map[string]struct {
		stage         *v1alpha1.Stage
		releases      []client.Object
		ready, reason string
	}{
		"no release yet": {newStage(func(s *v1alpha1.Stage) { s.Spec.PromoteFrom = "staging" }), nil, "Unknown", "NoRelease"},
		"live":           {newStage(nil), []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil)}, "True", "Succeeded"},
		"failed": {newStage(nil), []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseFailed, func(r *v1alpha1.Release) { r.Status.Cause = "CrashLoop" })},
			"False", "CrashLoop"},
		"its namespace is lost":       {newStage(lostNamespaceOf), []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseSucceeded, nil)}, "False", "NamespaceLost"},
		"lost, and a release goes on": {newStage(lostNamespaceOf), []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseApplying, nil)}, "Unknown", "Applying"},
		"builds":                      {newStage(nil), []client.Object{newRelease(1, commitA, v1alpha1.TriggerPush, v1alpha1.PhaseBuilding, nil)}, "Unknown", "Building"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, append(tt.releases, tt.stage)...)
			if _, err := f.Reconcile(t.Context(), shopDev); err != nil {
				t.Fatal(err)
			}
			stage := f.stage(t)
			var got metav1.Condition
			for _, condition := range stage.Status.Conditions {
				if condition.Type == v1alpha1.ConditionReady {
					got = condition
				}
			}
			if string(got.Status) != tt.ready || got.Reason != tt.reason {
				t.Errorf("Ready is %s (%s), want %s (%s)", got.Status, got.Reason, tt.ready, tt.reason)
			}
			if tt.ready == "True" && (stage.Status.Commit != commitA || stage.Status.Good == "") {
				t.Errorf("the status has %+v", stage.Status)
			}
		})
	}
}

// lostNamespaceOf has a stage's namespace be deleted by somebody.
func lostNamespaceOf(s *v1alpha1.Stage) {
	s.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionNamespace, Status: metav1.ConditionFalse, Reason: "NamespaceLost", Message: "it is being deleted"}}
}

func TestRemove(t *testing.T) {
	deleted := func(s *v1alpha1.Stage) { s.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }
	tests := map[string]struct {
		place   place
		runs    bool
		again   time.Duration
		wantErr bool
		gone    bool
		begun   time.Time // the deletion
		says    string    // on the stage, which is not ready
	}{
		"taken down":      {gone: true},
		"still there":     {place: place{remains: "a finalizer"}, again: stuckPoll, says: "the stage is being taken down: a finalizer"},
		"just begun":      {place: place{remains: "all"}, begun: start().Add(-time.Second), again: queue.StopPoll, says: "the stage is being taken down: all"},
		"cluster is away": {place: place{err: fault.New(fault.Unavailable, "no answer")}, wantErr: true, says: "no answer"},
		"a release runs":  {runs: true, again: queue.StopPoll},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, newStage(func(s *v1alpha1.Stage) {
				deleted(s)
				if !tt.begun.IsZero() {
					s.DeletionTimestamp = &metav1.Time{Time: tt.begun}
				}
				s.Status.Phase, s.Status.Services = v1alpha1.PhaseSucceeded, []v1alpha1.ServiceStatus{{Name: "web", Ready: 1, Wanted: 1}}
			}))
			*f.place = tt.place
			if tt.runs {
				f.Queue.Submit(shopDev.NamespacedName, queue.Job{Sequence: 1, Run: func(ctx context.Context) bool { <-ctx.Done(); time.Sleep(time.Millisecond); return true }})
			}
			result, err := f.Reconcile(t.Context(), shopDev)
			if (err != nil) != tt.wantErr || result.RequeueAfter != tt.again {
				t.Errorf("%v, %v", result, err)
			}
			var stage v1alpha1.Stage
			if gone := client.IgnoreNotFound(f.client.Get(t.Context(), shopDev.NamespacedName, &stage)) == nil && stage.Name == ""; gone != tt.gone {
				t.Errorf("gone: %t, want %t", gone, tt.gone)
			}
			if ready := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionReady); tt.says != "" && (ready == nil || ready.Status != metav1.ConditionFalse ||
				!strings.Contains(ready.Message, tt.says) || stage.Status.Phase != v1alpha1.PhaseFailed || stage.Status.Services[0].Ready != 0) {
				t.Errorf("the stage shows %+v, want that %s", stage.Status, tt.says)
			}
			if tt.runs && len(f.place.torn) > 0 {
				t.Error("it was taken down under a release that runs")
			}
		})
	}
}

// A quarantine gives way to a commit that certainly descends from what is
// quarantined, and to nothing else.
func TestDescends(t *testing.T) {
	tests := map[string]struct {
		ancestry ancestry
		want     bool
		wantErr  bool
	}{
		"descends":     {ancestry{descends: true}, true, false},
		"does not":     {ancestry{}, false, false},
		"is not known": {ancestry{descends: true, err: fault.New(fault.NotFound, "no such commit")}, false, false},
		"git is away":  {ancestry{err: fault.New(fault.Unavailable, "no answer")}, false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.Ancestry = tt.ancestry
			got, err := f.descends(t.Context(), newStage(nil))(commitA, commitB)
			if err == nil && got != tt.want || (err != nil) != tt.wantErr {
				t.Errorf("%t, %v", got, err)
			}
		})
	}
}

func TestStageThatIsGone(t *testing.T) {
	if result, err := newFixture(t).Reconcile(t.Context(), shopDev); err != nil || result != (ctrl.Result{}) {
		t.Errorf("%v, %v", result, err)
	}
}

func TestStageOfRelease(t *testing.T) {
	got := stageOfRelease(t.Context(), newRelease(1, commitA, v1alpha1.TriggerPush, "", nil))
	if len(got) != 1 || got[0] != reconcile.Request(shopDev) {
		t.Errorf("asks for %v", got)
	}
	if got := stageOfRelease(t.Context(), newStage(nil)); got != nil {
		t.Errorf("another object asks for %v", got)
	}
}
