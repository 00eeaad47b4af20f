package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

const (
	commitA = "aaaa000000000000000000000000000000000000"
	commitB = "bbbb000000000000000000000000000000000000"
	commitC = "cccc000000000000000000000000000000000000"
)

// alice asks for everything in these tests.
func alice() Actor { return Actor{Name: "alice", Reason: "why not"} }

// releaseOf makes a release of shop/production in a phase.
func releaseOf(sequence int64, commit string, phase v1alpha1.Phase) *v1alpha1.Release {
	return &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: fmt.Sprintf("shop-production-%d", sequence)},
		Spec:       v1alpha1.ReleaseSpec{Project: "shop", Stage: "shop-production", Sequence: sequence, Trigger: v1alpha1.TriggerPush, Head: v1alpha1.Head{Commit: commit, FileCommit: commit}},
		Status: v1alpha1.ReleaseStatus{
			Phase: phase, Message: "as it is", Services: []v1alpha1.ReleaseService{{Name: "web"}},
			Timings: []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}},
		},
	}
}

// production returns the stage shop/production with releases, as found.
func production(t *testing.T, funcs interceptor.Funcs, releases ...*v1alpha1.Release) *Stage {
	t.Helper()
	object := stageIn("acme", "shop", "production")
	object.Spec.Wanted = v1alpha1.Head{Commit: commitB, FileCommit: commitB}
	objects := []client.Object{object}
	for _, rel := range releases {
		objects = append(objects, rel)
	}
	stage, err := Stages{Client: fakeClient(t, funcs, objects...)}.Find(t.Context(), "slipway-org-acme", "shop", "production")
	if err != nil {
		t.Fatal(err)
	}
	return stage
}

func TestFind(t *testing.T) {
	c := fakeClient(t, interceptor.Funcs{}, stageIn("acme", "shop", "dev"), stageIn("globex", "shop", "dev"), stageIn("acme", "site", "production"))
	tests := map[string]struct {
		namespace, project, stage string
		code                      fault.Code
		message                   string
	}{
		"in its organization":    {namespace: "slipway-org-acme", project: "shop", stage: "dev"},
		"in the only one":        {project: "site", stage: "production"},
		"in several":             {project: "shop", stage: "dev", code: fault.Conflict, message: "2 organizations have a stage dev of a project shop"},
		"another stage":          {project: "site", stage: "dev", code: fault.NotFound, message: `project site has no stage "dev"; it has production`},
		"another project":        {project: "shopp", stage: "dev", code: fault.NotFound, message: "the projects with stages are shop, site"},
		"another organization's": {namespace: "slipway-org-none", project: "shop", stage: "dev", code: fault.NotFound, message: "is the organization right?"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage, err := Stages{Client: c}.Find(t.Context(), tt.namespace, tt.project, tt.stage)
			if fault.CodeOf(err) != tt.code || !strings.Contains(fault.MessageOf(err), tt.message) {
				t.Fatalf("got %v, want a fault %q that says %q", err, tt.code, tt.message)
			}
			if err == nil && stage.String() != tt.project+"/"+tt.stage {
				t.Errorf("found %s", stage)
			}
			if errors.Is(err, ErrAmbiguous) != (tt.code == fault.Conflict) {
				t.Errorf("%v is ambiguous: %t", err, errors.Is(err, ErrAmbiguous))
			}
		})
	}
}

// What is requested is a Release of the next number, with what the person
// chose and their name.
func TestRequests(t *testing.T) {
	good, failed := releaseOf(1, commitA, v1alpha1.PhaseSucceeded), releaseOf(2, commitB, v1alpha1.PhaseFailed)
	good.Status.Bundle, good.Status.BundleDigest = "bundle", "digest"
	tests := map[string]struct {
		request func(*Stage, context.Context) (*v1alpha1.Release, error)
		want    v1alpha1.ReleaseSpec
		code    fault.Code
	}{
		"deploy the head": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.Deploy(ctx, alice(), "") },
			want:    v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerDeploy, Head: v1alpha1.Head{Commit: commitB, FileCommit: commitB}},
		},
		"deploy an earlier commit": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.Deploy(ctx, alice(), "AAAA") },
			want:    v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerDeploy, Head: v1alpha1.Head{Commit: commitA, FileCommit: commitB}},
		},
		"deploy what is no commit": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) {
				return s.Deploy(ctx, alice(), "HEAD;rm")
			},
			code: fault.Invalid,
		},
		"deploy what nobody knows": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.Deploy(ctx, alice(), "cccc") },
			code:    fault.NotFound,
		},
		"roll back": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.Rollback(ctx, alice(), 0) },
			want:    v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerRollback, From: good.Name, Head: good.Spec.Head},
		},
		"roll back to what failed": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.Rollback(ctx, alice(), 2) },
			code:    fault.Conflict,
		},
		"promote": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.Promote(ctx, alice(), s) },
			want:    v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerPromotion, From: good.Name, Head: good.Spec.Head},
		},
		"restart": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) {
				return s.Restart(ctx, alice(), "web", "web")
			},
			want: v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerRestart, From: good.Name, Head: good.Spec.Head, Services: []string{"web"}},
		},
		"restart what isn't there": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.Restart(ctx, alice(), "wbe") },
			code:    fault.NotFound,
		},
		"scale": {
			request: func(s *Stage, ctx context.Context) (*v1alpha1.Release, error) { return s.ApplyReplicas(ctx, alice()) },
			want:    v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerScale, From: good.Name, Head: good.Spec.Head},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage := production(t, interceptor.Funcs{}, good.DeepCopy(), failed.DeepCopy())
			rel, err := tt.request(stage, t.Context())
			if fault.CodeOf(err) != tt.code {
				t.Fatalf("got %v, want a fault %q", err, tt.code)
			}
			if err != nil {
				return
			}
			tt.want.Project, tt.want.Stage, tt.want.Sequence, tt.want.By, tt.want.Reason = "shop", "shop-production", 3, "alice", "why not"
			if diff := cmp.Diff(tt.want, rel.Spec); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if rel.Name != "shop-production-3" || len(rel.OwnerReferences) != 1 || rel.OwnerReferences[0].Name != "shop-production" {
				t.Errorf("the release is %s, owned by %v", rel.Name, rel.OwnerReferences)
			}
		})
	}
}

// A number that somebody else took meanwhile is tried again with the next one,
// a few times.
func TestRequestTakesTheNextNumber(t *testing.T) {
	taken := 0
	funcs := interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
		if taken > 0 {
			taken--
			other := object.DeepCopyObject().(client.Object)
			if err := c.Create(ctx, other); err != nil {
				return err
			}
		}
		return c.Create(ctx, object, options...)
	}}
	stage := production(t, funcs)
	taken = 2
	if rel, err := stage.Deploy(t.Context(), alice(), ""); err != nil || rel.Spec.Sequence != 3 {
		t.Errorf("got %v, %v; want release 3", rel, err)
	}
	taken = 100
	if _, err := stage.Deploy(t.Context(), alice(), ""); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("got %v, want a conflict", err)
	}
	forbidden := interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "releases"}, "", errors.New("no"))
	}}
	if _, err := production(t, forbidden).Deploy(t.Context(), alice(), ""); fault.CodeOf(err) != fault.Denied {
		t.Errorf("got %v, want it denied", err)
	}
}

func TestVerdicts(t *testing.T) {
	stage := production(t, interceptor.Funcs{}, releaseOf(1, commitA, v1alpha1.PhaseSucceeded), releaseOf(2, commitB, v1alpha1.PhaseHeld))
	if _, err := stage.Approve(t.Context(), alice(), 1); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("approving what is live gave %v", err)
	}
	approved, err := stage.Approve(t.Context(), alice(), 0)
	if err != nil || approved.Spec.Sequence != 2 || len(approved.Spec.Verdicts) != 1 {
		t.Fatalf("got %+v, %v", approved, err)
	}
	if v := approved.Spec.Verdicts[0]; v.By != "alice" || v.Verdict != v1alpha1.VerdictApprove || v.Reason != "why not" {
		t.Errorf("the verdict is %+v", v)
	}
	if _, err := stage.Reject(t.Context(), alice(), 2); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("rejecting what changed meanwhile gave %v", err)
	}
	now := time.Unix(0, 0)
	considered := Considered(&v1alpha1.Release{ObjectMeta: metav1.ObjectMeta{Generation: 2}}, func() time.Time { return now })
	held := releaseOf(2, commitB, v1alpha1.PhaseHeld)
	held.Status.ObservedGeneration = 1
	if considered(held) || considered(releaseOf(2, commitB, v1alpha1.PhaseApplying)) {
		t.Error("a verdict that nobody looked at, or that let the release go on, counts as considered")
	}
	now = now.Add(time.Minute)
	if !considered(held) {
		t.Error("a server that doesn't answer is waited for without end")
	}
	now, held.Status.ObservedGeneration = time.Unix(0, 0), 2
	if !considered(held) {
		t.Error("a verdict that was considered, and did not suffice, is waited for")
	}
}

func TestSettings(t *testing.T) {
	stage := production(t, interceptor.Funcs{}, releaseOf(1, commitA, v1alpha1.PhaseSucceeded))
	for i, want := range []bool{true, false} {
		if changed, err := stage.Pause(t.Context(), alice()); err != nil || changed != want {
			t.Errorf("pause %d: %t, %v", i, changed, err)
		}
	}
	if why := WhyNotAutomatic(stage.Object); !strings.HasPrefix(why, "paused by alice since ") || !strings.HasSuffix(why, ": why not") {
		t.Errorf("a paused stage says %q", why)
	}
	for i, want := range []bool{true, false} {
		if ended, err := stage.Resume(t.Context()); err != nil || (ended != nil) != want {
			t.Errorf("resume %d: %v, %v", i, ended, err)
		}
	}
	six := int32(6)
	if err := stage.SetReplicas(t.Context(), "web", &six); err != nil || stage.Object.Spec.Scale["web"] != 6 {
		t.Errorf("scale: %v, %v", stage.Object.Spec.Scale, err)
	}
	if err := stage.SetReplicas(t.Context(), "web", nil); err != nil || len(stage.Object.Spec.Scale) != 0 {
		t.Errorf("reset: %v, %v", stage.Object.Spec.Scale, err)
	}
	if err := stage.SetReplicas(t.Context(), "wbe", &six); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("an unknown service gave %v", err)
	}
	empty := production(t, interceptor.Funcs{})
	if rel, err := empty.ApplyReplicas(t.Context(), alice()); rel != nil || err != nil {
		t.Errorf("where nothing is live: %v, %v", rel, err)
	}
}

// A release is followed through watches that end, until the follower has seen
// enough.
func TestFollow(t *testing.T) {
	first := releaseOf(1, commitA, v1alpha1.PhasePending)
	phases := []v1alpha1.Phase{v1alpha1.PhaseApplying, v1alpha1.PhaseSucceeded}
	funcs := interceptor.Funcs{Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
		w := watch.NewFakeWithChanSize(1, false)
		w.Modify(releaseOf(1, commitA, phases[0]))
		phases = phases[1:]
		w.Stop() // what was sent before can still be read
		return w, nil
	}}
	stage := production(t, funcs, first)
	var seen []v1alpha1.Phase
	last, err := stage.Follow(t.Context(), first, func(u Update) bool {
		seen = append(seen, u.Release.Status.Phase)
		return u.Release.Status.Phase.Done()
	})
	if err != nil || last.Status.Phase != v1alpha1.PhaseSucceeded || len(seen) < 2 || seen[0] != v1alpha1.PhaseApplying {
		t.Errorf("saw %v, ended with %v, %v", seen, last, err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	stage := production(t, interceptor.Funcs{}, releaseOf(1, commitA, v1alpha1.PhasePending))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := stage.Follow(ctx, &stage.Releases[0], func(Update) bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestFollowOfDeletedRelease(t *testing.T) {
	rel := releaseOf(1, commitA, v1alpha1.PhasePending)
	funcs := interceptor.Funcs{Watch: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) (watch.Interface, error) {
		w := watch.NewFakeWithChanSize(1, false)
		w.Delete(rel)
		return w, nil
	}}
	if _, err := production(t, funcs, rel).Follow(t.Context(), rel, func(Update) bool { return false }); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("got %v, want a fault not_found", err)
	}
}

// One update says that no server has taken a release up, and only if so.
func TestUnattended(t *testing.T) {
	untouched := &v1alpha1.Release{}
	for name, tt := range map[string]struct {
		given, last *v1alpha1.Release
		want        int
	}{
		"nothing came":                  {given: untouched, want: 1},
		"it came as it was":             {given: untouched, last: untouched, want: 1},
		"somebody works on it":          {given: untouched, last: releaseOf(1, commitA, v1alpha1.PhaseBuilding)},
		"it was held, and no more came": {given: releaseOf(1, commitA, v1alpha1.PhaseHeld), want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			reported := 0
			f := &follower{given: tt.given, last: tt.last, update: func(u Update) bool {
				if u.Unattended && u.Release != nil {
					reported++
				}
				return false
			}}
			if f.reportUnattended(); reported != tt.want {
				t.Errorf("it was reported %d times, want %d", reported, tt.want)
			}
		})
	}
}

func TestSummaries(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	live := releaseOf(2, commitB, v1alpha1.PhaseSucceeded)
	live.Spec.Head.Actor = "bob"
	live.Spec.Verdicts = []v1alpha1.Verdict{{By: "carol", Verdict: v1alpha1.VerdictApprove}, {By: "dave", Verdict: v1alpha1.VerdictReject}}
	live.Status.Timings = []v1alpha1.PhaseTime{
		{Phase: v1alpha1.PhasePending, At: metav1.MicroTime{Time: began}},
		{Phase: v1alpha1.PhaseHeld, At: metav1.MicroTime{Time: began.Add(time.Second)}},
		{Phase: v1alpha1.PhaseApplying, At: metav1.MicroTime{Time: began.Add(time.Hour)}},
		{Phase: v1alpha1.PhaseSucceeded, At: metav1.MicroTime{Time: began.Add(time.Hour + time.Second)}},
	}
	stage := production(t, interceptor.Funcs{}, releaseOf(1, commitA, v1alpha1.PhaseSucceeded), live)
	stage.Object.Status.Commit, stage.Object.Status.Head = commitB, &v1alpha1.UnchangedHead{Commit: commitC, Since: commitB}
	got := stage.Summaries(1, began)
	want := []ReleaseSummary{{
		Release: 2, Name: "shop-production-2", Commit: commitB, Head: commitC, Trigger: v1alpha1.TriggerPush, By: "bob", Phase: v1alpha1.PhaseSucceeded,
		Seconds: 2, Live: true, Message: "as it is", Approved: []string{"carol"}, Created: got[0].Created,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if all := stage.Summaries(0, began); len(all) != 2 || all[1].Live || all[1].Head != "" {
		t.Errorf("all are %+v", all)
	}
}

func TestExplain(t *testing.T) {
	resource := schema.GroupResource{Resource: "releases"}
	for name, tt := range map[string]struct {
		err  error
		want fault.Code
		says string
	}{
		"nothing":      {},
		"forbidden":    {apierrors.NewForbidden(resource, "x", errors.New("no")), fault.Denied, "ask an owner"},
		"logged out":   {apierrors.NewUnauthorized("who?"), fault.Denied, "forbids"},
		"missing":      {apierrors.NewNotFound(resource, "x"), fault.NotFound, "does not exist"},
		"changed":      {apierrors.NewConflict(resource, "x", errors.New("newer")), fault.Conflict, "changed meanwhile"},
		"refused":      {apierrors.NewBadRequest("odd"), fault.Invalid, "refuses"},
		"overloaded":   {apierrors.NewTooManyRequests("later", 1), fault.Unavailable, "did not do it"},
		"not answered": {errors.New("connection refused"), fault.Unavailable, "did not do it"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Explain(tt.err, "do %s", "it")
			if fault.CodeOf(err) != tt.want || !strings.Contains(fault.MessageOf(err), tt.says) {
				t.Errorf("got %v (%s), want %q that says %q", err, fault.CodeOf(err), tt.want, tt.says)
			}
			if err != nil && !strings.HasPrefix(fault.MessageOf(err), "do it: ") {
				t.Errorf("%q doesn't say what was tried", fault.MessageOf(err))
			}
		})
	}
}
