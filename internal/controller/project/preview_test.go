package project

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/scm"
)

const (
	loginRef = "refs/heads/login"
	commitC  = "cccccccccccccccccccccccccccccccccccccccc"
)

// withPreviews is a project file whose stage dev follows main, and whose previews are
// made from it.
const withPreviews = `version: 1
project: shop
members: [{user: olga, role: owner}, {user: alice, role: developer}, {user: vera, role: viewer}, {group: acme/web, role: developer}]
stages: [{name: dev, branch: main, protected: true, hosts: {web: shop.example.com}, resources: {cpu: "2"}}]
previews: {from: dev, ttl: 1h, limit: 2}
services: {web: {image: "web:1", port: 80, routes: [{path: /}]}}
`

// login is the pull request 7 of the branch login into main.
func login(change func(*scm.PullRequest)) scm.PullRequest {
	r := scm.PullRequest{Number: 7, Author: "alice", Head: scm.Side{Ref: loginRef, Commit: commitB}, Base: scm.Side{Ref: mainRef}}
	if change != nil {
		change(&r)
	}
	return r
}

// newPreviews returns a fixture with an open pull request.
func newPreviews(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t, newProject(nil))
	f.repos.file = withPreviews
	f.repos.heads[loginRef] = commitB
	f.repos.open = []scm.PullRequest{login(nil)}
	return f
}

// preview returns the preview of the pull request 7. One that is being deleted is
// taken down at once.
func (f *fixture) preview(t *testing.T) (stage v1alpha1.Stage, there bool) {
	t.Helper()
	stage, there = f.stages(t)["pr-7"]
	if there && !stage.DeletionTimestamp.IsZero() {
		stage.Finalizers = nil
		if err := f.client.Update(t.Context(), &stage); err != nil {
			t.Fatal(err)
		}
		return stage, false
	}
	return stage, there
}

// again syncs once more, as the timer does.
func (f *fixture) again(t *testing.T, after time.Duration) {
	t.Helper()
	f.now = f.now.Add(max(after, 2*time.Minute))
	f.reconcile(t)
}

// A pull request has a preview from the sync after it was opened until the sync after
// its end.
func TestPreviewLife(t *testing.T) {
	f := newPreviews(t)
	f.reconcile(t)
	stage, made := f.preview(t)
	if !made {
		t.Fatalf("the stages are %v", f.stages(t))
	}
	spec := stage.Spec
	if spec.PullRequest != 7 || spec.Ref != loginRef || spec.Rule != "dev" || spec.Wanted.Commit != commitB || spec.OnDelete != "delete" || spec.TTL.Duration != time.Hour || spec.Resources.CPU != "2" {
		t.Errorf("the preview is %+v", spec)
	}
	wantPreviews(t, f, metav1.ConditionTrue, "7 Live")

	f.repos.heads[loginRef] = commitC
	f.again(t, 0)
	if stage, _ := f.preview(t); stage.Spec.Wanted.Commit != commitC {
		t.Errorf("after a push it wants %.8s", stage.Spec.Wanted.Commit)
	}

	f.repos.open = nil
	f.again(t, 0)
	if _, there := f.preview(t); there {
		t.Error("it is there after its end")
	}
	wantPreviews(t, f, metav1.ConditionTrue, "")

	f.repos.open = []scm.PullRequest{login(nil)}
	f.again(t, 0)
	if _, back := f.preview(t); !back {
		t.Error("it is not back after it was reopened")
	}
	f.repos.file = fileWith("{name: dev, branch: main}")
	f.repos.files = map[string]string{commitA: withPreviews}
	f.repos.heads[mainRef] = commitC
	f.again(t, 0)
	if _, stays := f.preview(t); !stays {
		t.Error("a file that is held ended the previews")
	}
}

// wantPreviews compares how a project's previews stand.
func wantPreviews(t *testing.T, f *fixture, status metav1.ConditionStatus, want string) *metav1.Condition {
	t.Helper()
	p := f.project(t)
	var got []string
	for _, one := range p.Status.Previews {
		got = append(got, fmt.Sprint(one.PullRequest, " ", one.State))
	}
	condition := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionPreviews)
	if strings.Join(got, ", ") != want || condition == nil || condition.Status != status {
		t.Errorf("previews are %q (%+v), want %q", strings.Join(got, ", "), condition, want)
	}
	return condition
}

// Who wrote the pull request decides whose services its preview has, and the members,
// stages and previews are always those that are accepted.
func TestPreviewTrust(t *testing.T) {
	tests := map[string]struct {
		author string
		groups map[string][]string
		claims bool // another account came with the login
		own    bool // the services are those of the pull request
	}{
		"a developer":              {author: "alice", own: true},
		"in other letters":         {author: "Alice", own: true},
		"of a group":               {author: "wim", groups: map[string][]string{"wim": {"acme/web"}}, own: true},
		"of no group":              {author: "wim"},
		"a viewer":                 {author: "vera"},
		"a stranger":               {author: "eve"},
		"nobody":                   {},
		"a login that was taken":   {author: "alice", claims: true},
		"the name of a group":      {author: "acme/web"},
		"a look-alike of a member": {author: "\u0430lice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newPreviews(t)
			if tt.claims {
				p := f.project(t)
				p.Status.Identities = []v1alpha1.Identity{{Login: "alice", Forge: "git.example", ID: "1", Claimed: "2"}}
				if err := f.client.Status().Update(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			f.repos.groups = tt.groups
			f.repos.files = map[string]string{commitA: withPreviews, commitB: strings.ReplaceAll(withPreviews, "web:1", "web:2")}
			f.repos.open = []scm.PullRequest{login(func(r *scm.PullRequest) { r.Author = tt.author })}
			f.reconcile(t)
			stage, _ := f.preview(t)
			wanted := stage.Spec.Wanted
			file := commitA
			if tt.own {
				file = commitB
			}
			if wanted.Commit != commitB || wanted.FileCommit != file || tt.own && wanted.AcceptedCommit != commitA {
				t.Errorf("the preview is made from %+v, want the services of %.8s", wanted, file)
			}
		})
	}
}

// What keeps a pull request from having a preview is said, and what there is stays
// until somebody knows better.
func TestPreviewFaults(t *testing.T) {
	tests := map[string]struct {
		fault  func(*fixture)
		status metav1.ConditionStatus
		want   string
		stays  bool // a preview that there was
		says   string
	}{
		"the forge is away": {
			fault:  func(f *fixture) { f.repos.errs["Open"] = fault.New(fault.Unavailable, "the forge did not answer") },
			status: metav1.ConditionFalse, want: "7 Live", stays: true, says: "stay as they are: the forge did not answer",
		},
		"no credentials": {
			fault: func(f *fixture) {
				f.repos.errs["Open"] = fault.Wrap(fault.Denied, forge.ErrNothingToAsk, "repository main has no credentials")
			},
			status: metav1.ConditionFalse, says: "there are no previews: repository main has no credentials",
		},
		"its token is refused": {
			fault: func(f *fixture) {
				f.repos.errs["Open"] = fault.New(fault.Denied, "the forge rejected the credentials (401); renew the token")
			},
			status: metav1.ConditionFalse, want: "7 Live", stays: true, says: "stay as they are: the forge rejected the credentials (401)",
		},
		"a mistake in its file": {
			fault:  func(f *fixture) { f.repos.errs["FileOf"] = fault.New(fault.Invalid, "slipway.yaml:3:1: wrong") },
			status: metav1.ConditionTrue, want: "7 Failed", stays: true,
		},
		"its repository is away": {
			fault:  func(f *fixture) { f.repos.errs["FileOf"] = fault.New(fault.Unavailable, "no answer") },
			status: metav1.ConditionFalse, want: "7 Live", stays: true, says: "no answer",
		},
		"nobody knows who is in a group": {
			fault: func(f *fixture) {
				f.repos.open[0].Author = "wim"
				f.repos.errs["Members"] = fault.New(fault.Unavailable, "no answer")
			},
			status: metav1.ConditionFalse, want: "7 Live", stays: true, says: "acme/web",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newPreviews(t)
			f.reconcile(t)
			f.repos.heads[loginRef] = commitC
			tt.fault(f)
			f.again(t, 0)
			condition := wantPreviews(t, f, tt.status, tt.want)
			stage, there := f.preview(t)
			if there != tt.stays || there && stage.Spec.Wanted.Commit != commitB {
				t.Errorf("the preview is there: %v, of %.8s", there, stage.Spec.Wanted.Commit)
			}
			if !strings.Contains(condition.Message, tt.says) {
				t.Errorf("the project says %q", condition.Message)
			}
			if synced := meta.FindStatusCondition(f.project(t).Status.Conditions, v1alpha1.ConditionSynced); synced.Status != metav1.ConditionTrue {
				t.Errorf("the sync failed: %+v", synced)
			}
			f.repos.errs = map[string]error{}
			f.repos.open = []scm.PullRequest{login(nil)}
			f.again(t, 0)
			wantPreviews(t, f, metav1.ConditionTrue, "7 Live")
			if stage, _ := f.preview(t); stage.Spec.Wanted.Commit != commitC {
				t.Errorf("afterwards it wants %.8s", stage.Spec.Wanted.Commit)
			}
		})
	}
}

// A forge that doesn't answer is asked again soon.
func TestForgeIsAskedAgain(t *testing.T) {
	f := newPreviews(t)
	f.repos.errs["Open"] = fault.New(fault.Unavailable, "the forge did not answer")
	if result := f.reconcile(t); result.RequeueAfter > previewsAgain {
		t.Errorf("it is asked again after %v", result.RequeueAfter)
	}
	f.now = f.now.Add(previewsAgain)
	f.reconcile(t)
	if f.repos.listed != 2 {
		t.Errorf("it was asked %d times", f.repos.listed)
	}
}

// A preview whose time ran out ends, and comes back with the next commit.
func TestPreviewExpires(t *testing.T) {
	f := newPreviews(t)
	f.reconcile(t)
	f.again(t, time.Hour+time.Second)
	if _, there := f.preview(t); there {
		t.Error("it is there after its time")
	}
	wantPreviews(t, f, metav1.ConditionTrue, "7 Expired")
	f.again(t, 0)
	wantPreviews(t, f, metav1.ConditionTrue, "7 Expired")
	f.repos.heads[loginRef] = commitC
	f.again(t, 0)
	wantPreviews(t, f, metav1.ConditionTrue, "7 Live")
}

// A pull request that changes nothing of what runs has no preview, also when that
// moves on; one that has a preview keeps it.
func TestNothingToPreview(t *testing.T) {
	f := newPreviews(t)
	f.contents.runs = map[string]bool{commitB: true}
	f.reconcile(t)
	if _, there := f.preview(t); there {
		t.Error("it has a preview")
	}
	wantPreviews(t, f, metav1.ConditionTrue, "7 Unchanged")
	asked := len(f.contents.asked)
	f.contents.runs = nil
	f.again(t, 0)
	wantPreviews(t, f, metav1.ConditionTrue, "7 Unchanged")
	if len(f.contents.asked) != asked {
		t.Errorf("it was compared again: %v", f.contents.asked)
	}
	f.repos.heads[loginRef] = commitC
	f.again(t, 0)
	wantPreviews(t, f, metav1.ConditionTrue, "7 Live")
	f.contents.runs = map[string]bool{commitA: true}
	f.repos.heads[loginRef] = commitA
	f.again(t, 0)
	wantPreviews(t, f, metav1.ConditionTrue, "7 Live")
}

// Without previews in the file nobody asks the forge.
func TestNoPreviews(t *testing.T) {
	f := newPreviews(t)
	f.repos.file = fileWith("{name: dev, branch: main}")
	f.reconcile(t)
	if f.repos.listed != 0 || len(f.stages(t)) != 1 || meta.FindStatusCondition(f.project(t).Status.Conditions, v1alpha1.ConditionPreviews) != nil {
		t.Errorf("the forge was asked %d times, the stages are %v, the conditions %+v", f.repos.listed, f.stages(t), f.project(t).Status.Conditions)
	}
}
