package comment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Nobody is asked about a project that has nothing to say, or nobody to say it to.
func TestNothingToDo(t *testing.T) {
	busy := forge.NewClient(struct{ scm.Reporter }{})
	for busy.Enter() {
		continue
	}
	tests := map[string]struct {
		project *v1alpha1.Project
		host    *host
		again   time.Duration
	}{
		"it is gone": {project: shopProject(func(p *v1alpha1.Project) { p.Name = "other" })},
		"it goes": {project: shopProject(func(p *v1alpha1.Project) {
			p.DeletionTimestamp, p.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"slipway.dev/project"}
		})},
		"it is suspended": {project: shopProject(func(p *v1alpha1.Project) { p.Spec.Suspend = true })},
		"no credentials":  {project: shopProject(nil), host: &host{}},
		"too many calls":  {project: shopProject(nil), host: &host{client: busy}, again: forge.BusyDelay},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, tt.project, stage("feature-cart", "refs/heads/cart"))
			if tt.host != nil {
				*f.host = *tt.host
			}
			if result, err := f.Reconcile(t.Context(), shop); err != nil || result.RequeueAfter != tt.again {
				t.Errorf("%v, %v; want again after %s", result, err, tt.again)
			}
			if f.pulls.asked > 0 || len(f.sink.comments)+len(f.sink.checks) > 0 {
				t.Errorf("asked %d times, sent %+v, %+v", f.pulls.asked, f.sink.comments, f.sink.checks)
			}
		})
	}
}

// A comment shows the stages that the branch feeds and what the branch's file
// changes; the check shows what is wrong with a file.
func TestCommentsAndChecks(t *testing.T) {
	going := stage("going", "refs/heads/cart")
	going.DeletionTimestamp, going.Finalizers = &metav1.Time{Time: time.Unix(1, 0)}, []string{"slipway.dev/stage"}
	tests := map[string]struct {
		change  func(*fixture)
		comment []string // parts of the only comment; none when empty
		lacks   string
		checks  map[string]int // commit → how many mistakes
	}{
		"its stages":         {comment: []string{"`feature-cart`", "`review`", "deploying"}, lacks: "going"},
		"a fork":             {change: func(f *fixture) { f.pulls.open[0].Fork = true }},
		"no pull requests":   {change: func(f *fixture) { f.pulls.open = nil }},
		"it feeds no stage":  {change: func(f *fixture) { f.pulls.open[0].Head.Ref = "refs/heads/other" }},
		"a head without id":  {change: func(f *fixture) { f.pulls.open[0].Head.Commit = "" }, comment: []string{"`feature-cart`"}},
		"the head is merged": {change: func(f *fixture) { f.pulls.open[0].Head.Commit = "base" }, comment: []string{"`feature-cart`"}},
		"it changes members": {change: func(f *fixture) { f.sources.files["head"] = otherMember }, comment: []string{"`bob becomes developer`", "that takes an owner"}, checks: map[string]int{"head": 0}},
		"it has a mistake":   {change: func(f *fixture) { f.sources.files["head"] = mistaken }, comment: []string{"slipway.yaml:6:1", "surprise"}, checks: map[string]int{"head": 1}},
		"it has no file":     {change: func(f *fixture) { f.sources.files["head"] = "" }, comment: []string{"slipway.yaml:1:1", "has no slipway.yaml"}, checks: map[string]int{"head": 1}},
		"the file in force has a mistake": {change: func(f *fixture) { f.sources.files["base"], f.pulls.open = mistaken, nil },
			checks: map[string]int{"base": 1}},
		"it mends the file in force": {change: func(f *fixture) { f.sources.files["base"], f.sources.files["head"] = mistaken, otherMember },
			comment: []string{"`feature-cart`"}, lacks: "bob", checks: map[string]int{"base": 1, "head": 0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, shopProject(nil), stage("review", "refs/heads/cart"), stage("feature-cart", "refs/heads/cart"), stage("dev", "refs/heads/main"), going)
			if tt.change != nil {
				tt.change(f)
			}
			f.look(t)
			var text string
			for _, comment := range f.sink.comments {
				text += comment.Text
				if comment.Number != 7 || comment.Repository != "acme/shop" {
					t.Errorf("under %s %d", comment.Repository, comment.Number)
				}
			}
			for _, part := range tt.comment {
				if !strings.Contains(text, part) {
					t.Errorf("it lacks %q: %s", part, text)
				}
			}
			if want := min(len(tt.comment), 1); len(f.sink.comments) != want || tt.lacks != "" && strings.Contains(text, tt.lacks) {
				t.Errorf("%d comments, want %d without %q: %s", len(f.sink.comments), want, tt.lacks, text)
			}
			var checks map[string]int
			for _, check := range f.sink.checks {
				if checks == nil {
					checks = map[string]int{}
				}
				checks[check.Commit] = len(check.Found)
			}
			if diff := cmp.Diff(tt.checks, checks); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
		})
	}
}

// The forge hears that the file is held, and later who accepted it; each once.
func TestHeldFileIsReported(t *testing.T) {
	held := func(p *v1alpha1.Project) {
		p.Status.FileCommit, p.Status.File = "head", &v1alpha1.FileInForce{Commit: "head", Accepted: &v1alpha1.AcceptedFile{Commit: "base", Reason: v1alpha1.AcceptedRegistered}}
		p.Status.Held = &v1alpha1.HeldFile{Commit: "head", Changes: []string{"bob becomes developer"}, Message: "slipway.yaml of commit head is held: <bob> becomes developer"}
	}
	accepted := func(p *v1alpha1.Project) {
		p.Status.Held, p.Status.File.Accepted = nil, &v1alpha1.AcceptedFile{Commit: "head", Reason: v1alpha1.AcceptedApproved, By: "alice"}
	}
	p := shopProject(held)
	f := newFixture(t, p)
	f.sources.files["head"], f.pulls.open = otherMember, nil
	f.look(t)
	f.look(t)
	after := p.DeepCopy()
	accepted(after)
	if err := f.Client.Status().Patch(t.Context(), after, client.MergeFrom(p)); err != nil {
		t.Fatal(err)
	}
	f.look(t)
	f.look(t)
	want := []report.FileCheck{
		{Repository: "acme/shop", Commit: "head", Held: true, Title: "held until `slipway approve shop`: bob becomes developer", Summary: "slipway.yaml of commit head is held:  bob  becomes developer"},
		{Repository: "acme/shop", Commit: "head", Title: "slipway.yaml is in force, accepted by alice", Summary: "Slipway can follow it."},
	}
	if diff := cmp.Diff(want, f.sink.checks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The forge is asked again only when something changed, and told only what did.
func TestOnlyChangesAreSent(t *testing.T) {
	f := newFixture(t, shopProject(nil), stage("feature-cart", "refs/heads/cart"))
	f.sources.files["head"] = otherMember
	sent := func(asked, comments, checks int) {
		t.Helper()
		f.look(t)
		if f.pulls.asked != asked || len(f.sink.comments) != comments || len(f.sink.checks) != checks {
			t.Errorf("asked %d times, %d comments, %d checks; want %d, %d, %d", f.pulls.asked, len(f.sink.comments), len(f.sink.checks), asked, comments, checks)
		}
	}
	sent(1, 1, 1)
	sent(1, 1, 1)

	delivery := &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "opened"}, Spec: v1alpha1.DeliverySpec{Project: "shop", Event: string(scm.KindPullRequest)},
	}
	if err := f.Client.Create(t.Context(), delivery); err != nil {
		t.Fatal(err)
	}
	sent(1, 1, 1) // no sync has seen it yet
	delivery.Status.Phase = v1alpha1.DeliveryDone
	if err := f.Client.Status().Update(t.Context(), delivery); err != nil {
		t.Fatal(err)
	}
	sent(2, 1, 1)

	live := stage("feature-cart", "refs/heads/cart")
	if err := f.Client.Get(t.Context(), client.ObjectKeyFromObject(live), live); err != nil {
		t.Fatal(err)
	}
	live.Status.Phase = v1alpha1.PhaseSucceeded
	if err := f.Client.Status().Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	sent(3, 2, 1)
}

// What may pass is tried again; what stays is logged once, and tried again when
// something changes.
func TestTrouble(t *testing.T) {
	away, denied := fault.New(fault.Unavailable, "away"), fault.New(fault.Denied, "may not")
	limited := scm.Limited("call", time.Minute)
	tests := map[string]func(*fixture, error){
		"no client":        func(f *fixture, err error) { f.host.err = err },
		"pull requests":    func(f *fixture, err error) { f.pulls.err = err },
		"the sink":         func(f *fixture, err error) { f.sink.err = err },
		"the ids of files": func(f *fixture, err error) { f.sources.idErr = err },
	}
	for name, meet := range tests {
		t.Run(name, func(t *testing.T) {
			for _, trouble := range []error{away, limited, denied} {
				f := newFixture(t, shopProject(nil), stage("feature-cart", "refs/heads/cart"))
				f.sources.files["head"] = otherMember
				meet(f, trouble)
				result, err := f.Reconcile(t.Context(), shop)
				wait, _ := scm.RetryAfter(trouble)
				wantErr := errors.Is(trouble, away)
				if errors.Is(err, trouble) != wantErr || (err != nil) != wantErr || result.RequeueAfter != wait {
					t.Errorf("%v: %v, %v", trouble, result, err)
				}
				stays := errors.Is(trouble, denied)
				if logged := f.log.String(); strings.Contains(logged, "may not") != stays || (logged != "") != stays {
					t.Errorf("%v: logged %q", trouble, logged)
				}
				meet(f, nil)
				f.sink.comments = nil
				f.look(t)
				if got := len(f.sink.comments) == 1; got == stays {
					t.Errorf("%v: commented afterwards: %t", trouble, got)
				}
			}
		})
	}
}

// A file that may not be followed is a mistake; one that can't be read isn't.
func TestUnreadableFile(t *testing.T) {
	tests := map[string]struct {
		err    error
		checks int
		code   fault.Code
		logged string
	}{
		"of another project": {err: fault.New(fault.Denied, "belongs to shop"), checks: 1},
		"nobody answers":     {err: fault.New(fault.Unavailable, "away"), code: fault.Unavailable},
		"our own error":      {err: errors.New("disk is full"), logged: "disk is full"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, shopProject(nil))
			f.sources.fileErr = tt.err
			if _, err := f.Reconcile(t.Context(), shop); fault.CodeOf(err) != tt.code {
				t.Errorf("%v, want %q", err, tt.code)
			}
			if got := f.log.String(); len(f.sink.checks) != tt.checks || !strings.Contains(got, tt.logged) || (got == "") != (tt.logged == "") {
				t.Errorf("checks %+v, logged %q", f.sink.checks, got)
			}
		})
	}
}

// When the server ends, what was cut short is not taken for sent.
func TestEndOfTheServer(t *testing.T) {
	f := newFixture(t, shopProject(nil), stage("feature-cart", "refs/heads/cart"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.sink.err = context.Canceled
	if _, err := f.Reconcile(ctx, shop); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	f.sink.err, f.sink.comments = nil, nil
	if f.look(t); len(f.sink.comments) != 1 {
		t.Errorf("%d comments afterwards", len(f.sink.comments))
	}
}

func TestReadErrors(t *testing.T) {
	away := errors.New("no answer")
	unlisted := func(none client.ObjectList) interceptor.Funcs {
		return interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if fmt.Sprintf("%T", list) == fmt.Sprintf("%T", none) {
				return away
			}
			return c.List(ctx, list, opts...)
		}}
	}
	for name, calls := range map[string]interceptor.Funcs{"stages": unlisted(&v1alpha1.StageList{}), "deliveries": unlisted(&v1alpha1.DeliveryList{})} {
		f := newFixtureWith(kubefake.Intercepted(t, calls, shopProject(nil)))
		if _, err := f.Reconcile(t.Context(), shop); !errors.Is(err, away) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// delays records what is to be looked at later.
type delays struct {
	workqueue.TypedRateLimitingInterface[ctrl.Request]
	later map[ctrl.Request]time.Duration
}

func (d *delays) AddAfter(req ctrl.Request, after time.Duration) { d.later[req] = after }

// Whatever changes a project's comments causes one look, a moment later.
func TestWatches(t *testing.T) {
	delivery := func(event scm.Kind, phase v1alpha1.DeliveryPhase) *v1alpha1.Delivery {
		return &v1alpha1.Delivery{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "d"},
			Spec:       v1alpha1.DeliverySpec{Project: "shop", Event: string(event)}, Status: v1alpha1.DeliveryStatus{Phase: phase},
		}
	}
	tests := map[string]struct {
		projectOf func(client.Object) string
		object    client.Object
		want      bool
	}{
		"a pull request":       {projectOfDelivery, delivery(scm.KindPullRequest, v1alpha1.DeliveryDone), true},
		"one that no sync saw": {projectOfDelivery, delivery(scm.KindPullRequest, ""), false},
		"a push":               {projectOfDelivery, delivery(scm.KindPush, v1alpha1.DeliveryDone), false},
		"no delivery":          {projectOfDelivery, shopProject(nil), false},
		"a stage":              {projectOfStage, stage("dev", "refs/heads/main"), true},
		"no stage":             {projectOfStage, shopProject(nil), false},
		"the project":          {client.Object.GetName, shopProject(nil), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			queue := &delays{later: map[ctrl.Request]time.Duration{}}
			watch := gathered(tt.projectOf)
			watch.Create(t.Context(), event.CreateEvent{Object: tt.object}, queue)
			watch.Update(t.Context(), event.UpdateEvent{ObjectOld: tt.object, ObjectNew: tt.object}, queue)
			want := map[ctrl.Request]time.Duration{}
			if tt.want {
				want[shop] = gatherTime
			}
			if diff := cmp.Diff(want, queue.later); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The check of a commit whose file was held does not stay pending when another commit
// takes its place, be it held, too, or not.
func TestReplacedHeldFileIsReported(t *testing.T) {
	hold := func(p *v1alpha1.Project, commit string) {
		p.Status.FileCommit = commit
		p.Status.Held = &v1alpha1.HeldFile{Commit: commit, Changes: []string{"bob becomes developer"}, Message: "held"}
	}
	for name, tt := range map[string]struct {
		then func(*v1alpha1.Project)
		want []string
	}{
		"by one that is held":       {func(p *v1alpha1.Project) { hold(p, "next") }, []string{"replaced by commit next before anybody accepted it", "held until `slipway approve shop`: bob becomes developer"}},
		"by one that takes it back": {func(p *v1alpha1.Project) { p.Status.FileCommit, p.Status.Held = "next", nil }, []string{"replaced by commit next before anybody accepted it"}},
		"once it was accepted": {func(p *v1alpha1.Project) {
			p.Status.FileCommit, p.Status.Held = "next", nil
			p.Status.File.Accepted = &v1alpha1.AcceptedFile{Commit: "head", Reason: v1alpha1.AcceptedApproved, By: "alice"}
		}, []string{"slipway.yaml was accepted by alice"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := shopProject(func(p *v1alpha1.Project) {
				p.Status.File = &v1alpha1.FileInForce{Commit: "head", Accepted: &v1alpha1.AcceptedFile{Commit: "base", Reason: v1alpha1.AcceptedRegistered}}
				hold(p, "head")
			})
			f := newFixture(t, p)
			f.sources.files["head"], f.sources.files["next"], f.pulls.open = otherMember, otherMember, nil
			f.look(t)
			after := p.DeepCopy()
			tt.then(after)
			if err := f.Client.Status().Patch(t.Context(), after, client.MergeFrom(p)); err != nil {
				t.Fatal(err)
			}
			f.look(t)
			f.look(t)
			var got []string
			for i, check := range f.sink.checks[1:] {
				got = append(got, check.Title)
				if i == 0 && (check.Commit != "head" || check.Held) {
					t.Errorf("the check of %s: %+v", check.Commit, check)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
