package project

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// withForks is a project file whose previews take forks that a maintainer approved.
var withForks = strings.NewReplacer("{from: dev, ", "{from: dev, forks: approve, ", "{user: vera", "{user: mia, role: maintainer}, {user: vera").Replace(withPreviews)

// newFork returns a fixture with an open pull request of eve's fork, at commitB.
func newFork(t *testing.T) *fixture {
	t.Helper()
	f := newPreviews(t)
	f.repos.file = withForks
	f.repos.files = map[string]string{commitB: strings.ReplaceAll(withForks, "web:1", "theirs:1"), commitC: strings.ReplaceAll(withForks, "web:1", "theirs:2")}
	f.repos.heads = map[string]string{mainRef: commitA}
	f.repos.open = []scm.PullRequest{login(func(r *scm.PullRequest) { r.Fork, r.Author = true, "eve" })}
	f.reconcile(t)
	return f
}

// asked plays what people write or ask for, a line each:
//
//	mia#2 comments approve bbbb…   a comment under pull request 7; B and C stand for commits
//	mia accepts B                  an Acceptance
//	push C                         the head of the pull request moves
//	sync                           what waits is served
func (f *fixture) asked(t *testing.T, happens string) {
	t.Helper()
	for i, line := range strings.Split(happens, ";") {
		words := strings.Fields(strings.NewReplacer(" B", " "+commitB, " C", " "+commitC, " A", " "+commitA).Replace(line))
		name := fmt.Sprintf("asked-%d-%d", f.repos.listed, i)
		var err error
		switch {
		case len(words) > 2 && words[1] == "comments":
			login, id, _ := strings.Cut(words[0], "#")
			err = f.client.Create(t.Context(), push(name, func(d *v1alpha1.Delivery) {
				d.Spec = v1alpha1.DeliverySpec{
					Project: "shop", Repository: "main", Event: string(scm.KindComment), PullRequest: 7, Comment: name, Command: strings.Join(words[2:], " "),
					Actor: login, ActorID: id, Written: &metav1.Time{Time: f.now}, Received: metav1.NewMicroTime(f.now),
				}
			}))
		case len(words) == 3 && words[1] == "accepts":
			err = f.client.Create(t.Context(), &v1alpha1.Acceptance{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name), CreationTimestamp: metav1.Time{Time: f.now}},
				Spec:       v1alpha1.AcceptanceSpec{Project: "shop", By: words[0], Preview: &v1alpha1.AcceptedPreview{PullRequest: 7, Commit: words[2]}},
			})
		case len(words) == 2 && words[0] == "push":
			f.repos.open[0].Head.Commit = words[1]
		case len(words) == 1 && words[0] == "sync":
			f.again(t, 0)
		case len(words) == 1 && words[0] == "days":
			f.again(t, 48*time.Hour)
		case len(words) == 1 && words[0] == "close":
			f.repos.open = nil
		case len(words) == 1 && words[0] == "reopen":
			f.repos.open = []scm.PullRequest{login(func(r *scm.PullRequest) { r.Fork, r.Author = true, "eve" })}
		case len(words) == 1 && words[0] == "gone":
			_, _ = f.preview(t)
		default:
			t.Fatalf("%q is nothing that happens", line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing of a fork runs but the very commit that somebody who may approved, with the
// services of the trusted ref.
func TestForkIsApproved(t *testing.T) {
	tests := map[string]struct {
		happens string
		runs    string // the commit of the preview; empty for none
		shown   string // how the pull request stands
	}{
		"opened":                                 {"sync", "", "7 Held"},
		"a maintainer comments":                  {"mia#2 comments approve B; sync", commitB, "7 Live"},
		"an owner comments":                      {"olga#1 comments approve B; sync", commitB, "7 Live"},
		"a maintainer accepts":                   {"mia accepts B; sync", commitB, "7 Live"},
		"it stays":                               {"mia#2 comments approve B; sync; sync; sync", commitB, "7 Live"},
		"a developer comments":                   {"alice#3 comments approve B; sync", "", "7 Held"},
		"a developer accepts":                    {"alice accepts B; sync", "", "7 Held"},
		"a viewer comments":                      {"vera#4 comments approve B; sync", "", "7 Held"},
		"its author comments":                    {"eve#5 comments approve B; sync", "", "7 Held"},
		"its author accepts":                     {"eve accepts B; sync", "", "7 Held"},
		"a stranger with a maintainer's login":   {"mia#2 comments help; sync; mia#9 comments approve B; sync", "", "7 Held"},
		"a maintainer without an account":        {"mia comments approve B; sync", "", "7 Held"},
		"a maintainer names no commit":           {"mia#2 comments approve; sync", "", "7 Held"},
		"a maintainer abbreviates it":            {"mia#2 comments approve bbbbbbbb; sync", "", "7 Held"},
		"a maintainer names another commit":      {"mia#2 comments approve C; sync", "", "7 Held"},
		"a maintainer names the trusted one":     {"mia#2 comments approve A; sync", "", "7 Held"},
		"a maintainer accepts another commit":    {"mia accepts C; sync", "", "7 Held"},
		"it was pushed to meanwhile":             {"push C; sync; mia#2 comments approve B; sync", "", "7 Held"},
		"it is pushed to at the same time":       {"mia#2 comments approve B; push C; sync", "", "7 Held"},
		"it is swapped after it was approved":    {"mia#2 comments approve B; sync; push C; sync", commitB, "7 Held"},
		"and the next one is approved":           {"mia#2 comments approve B; sync; push C; sync; mia#2 comments approve C; sync", commitC, "7 Live"},
		"and the old one is approved again":      {"mia#2 comments approve B; sync; push C; sync; mia#2 comments approve B; sync", commitB, "7 Held"},
		"it goes back to what was approved":      {"mia#2 comments approve B; sync; push C; sync; push B; sync", commitB, "7 Live"},
		"it is approved before it is shown":      {"push C; mia#2 comments approve C; sync", "", "7 Held"},
		"and afterwards":                         {"push C; sync; mia#2 comments approve C; sync", commitC, "7 Live"},
		"its time runs out":                      {"mia#2 comments approve B; sync; days; gone; sync", "", "7 Expired"},
		"its time runs out while the next waits": {"mia#2 comments approve B; sync; push C; sync; days; gone; sync", "", "7 Held"},
		"it is closed and opened again":          {"mia#2 comments approve B; sync; close; sync; gone; reopen; sync", "", "7 Held"},
		"a preview is asked for":                 {"alice#3 comments preview; sync", "", "7 Held"},
		"a stranger asks for a preview":          {"eve#5 comments preview; sync", "", "7 Held"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFork(t)
			f.asked(t, tt.happens)
			stage, there := f.preview(t)
			if there != (tt.runs != "") || there && stage.Spec.Wanted.Commit != tt.runs {
				t.Errorf("there is a preview: %t, of %s; want %s", there, stage.Spec.Wanted.Commit, tt.runs)
			}
			if wanted := stage.Spec.Wanted; there && (!stage.Spec.Fork || stage.Spec.Ref != "refs/pull/7/head" || wanted.FileCommit != commitA || wanted.Actor != "") {
				t.Errorf("the preview is %+v", stage.Spec)
			}
			wantPreviews(t, f, metav1.ConditionTrue, tt.shown)
			for _, fetched := range f.repos.fetched {
				if ref, commit, _ := strings.Cut(fetched, " "); ref != "refs/pull/7/head" || tt.runs == "" && !strings.Contains(tt.happens, "approve B; sync") || commit != commitB && commit != commitC {
					t.Errorf("fetched %s", fetched)
				}
			}
		})
	}
}

// What a fork's pull request says of itself gains nothing: a branch of the name of the
// trusted one, its own project file, a member's login in another pull request.
func TestForkGainsNothing(t *testing.T) {
	tests := map[string]struct {
		change func(*scm.PullRequest)
		file   func(string) string
		made   bool // a preview, of the approved commit
	}{
		"approved":                    {made: true},
		"its branch is called main":   {change: func(r *scm.PullRequest) { r.Head.Ref = mainRef }, made: true},
		"its branch is a stage's":     {change: func(r *scm.PullRequest) { r.Head.Ref = loginRef }, made: true},
		"its author is a member":      {change: func(r *scm.PullRequest) { r.Author = "alice" }, made: true},
		"its author is an owner":      {change: func(r *scm.PullRequest) { r.Author = "olga" }, made: true},
		"its repository is gone":      {change: func(r *scm.PullRequest) { r.Head.Repository = nil }, made: true},
		"it goes into another branch": {change: func(r *scm.PullRequest) { r.Base.Ref = "refs/heads/other" }, file: into},
		"forks: never":                {file: func(s string) string { return strings.Replace(s, "forks: approve", "forks: never", 1) }},
		"it has no commit":            {change: func(r *scm.PullRequest) { r.Head.Commit = "" }},
		"it is a draft":               {change: func(r *scm.PullRequest) { r.Draft = true }},
		"it is of a bot":              {change: func(r *scm.PullRequest) { r.Author = "renovate[bot]" }},
		"its label is no one that lets": {change: func(r *scm.PullRequest) { r.Labels = []string{"other"} }, file: func(s string) string {
			return strings.Replace(s, "forks: approve", "forks: approve, labels: [show]", 1)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFork(t)
			if tt.file != nil {
				f.repos.file = tt.file(withForks)
				f.repos.files[commitA] = f.repos.file
				p := f.project(t)
				p.Status.File, p.Status.Held = nil, nil // registered with it
				if err := f.client.Status().Update(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				f.Reconciler = New(*f.Reconciler)
			}
			if tt.change != nil {
				tt.change(&f.repos.open[0])
			}
			f.asked(t, "mia#2 comments approve B; sync")
			stage, there := f.preview(t)
			if there != tt.made {
				t.Fatalf("there is a preview: %t, want %t; %+v", there, tt.made, f.project(t).Status.Previews)
			}
			if !there {
				return
			}
			wanted := stage.Spec.Wanted
			if wanted.Commit != commitB || wanted.FileCommit != commitA || stage.Spec.Ref != "refs/pull/7/head" || !stage.Spec.Fork {
				t.Errorf("the preview is %+v", stage.Spec)
			}
			if dev := f.stages(t)["dev"].Spec; dev.Wanted.Commit != commitA || dev.Fork {
				t.Errorf("stage dev is %+v", dev)
			}
		})
	}
}

func into(s string) string {
	return strings.Replace(s, "forks: approve", "forks: approve, into: [main]", 1)
}

// forks: always takes every commit, apart from everything else all the same.
func TestForksAlways(t *testing.T) {
	f := newFork(t)
	f.repos.file = strings.Replace(withForks, "forks: approve", "forks: always", 1)
	p := f.project(t)
	p.Status.File = nil
	if err := f.client.Status().Update(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	f.Reconciler = New(*f.Reconciler)
	f.again(t, 0)
	f.asked(t, "push C; sync")
	stage, there := f.preview(t)
	if !there || stage.Spec.Wanted.Commit != commitC || !stage.Spec.Fork || stage.Spec.Wanted.FileCommit != commitA {
		t.Errorf("the preview is %+v", stage.Spec)
	}
}

// What can't be had of a fork is said, and what runs stays.
func TestForkFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		errs   string // the method that fails
		code   fault.Code
		status metav1.ConditionStatus
		shown  string
	}{
		"its ref does not lead there":      {"FetchFork", fault.NotFound, metav1.ConditionTrue, "7 Failed"},
		"the forge publishes no refs":      {"Ref", fault.Invalid, metav1.ConditionTrue, "7 Failed"},
		"the git server does not answer":   {"FetchFork", fault.Unavailable, metav1.ConditionFalse, "7 Held"},
		"the forge's credentials are lost": {"Ref", fault.Unavailable, metav1.ConditionFalse, "7 Held"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFork(t)
			f.repos.errs[tt.errs] = fault.New(tt.code, "not now")
			f.asked(t, "mia#2 comments approve B; sync")
			if _, there := f.preview(t); there {
				t.Error("there is a preview")
			}
			condition := wantPreviews(t, f, tt.status, tt.shown)
			if tt.status == metav1.ConditionFalse && !strings.Contains(condition.Message, "not now") {
				t.Errorf("the project says %q", condition.Message)
			}
		})
	}
}

// An approval that comes while the forge does not answer counts when it does.
func TestForkIsApprovedWhileTheForgeIsAway(t *testing.T) {
	f := newFork(t)
	f.repos.errs["Open"] = fault.New(fault.Unavailable, "the forge did not answer")
	f.asked(t, "mia#2 comments approve B; alice#3 comments preview; sync")
	wantPreviews(t, f, metav1.ConditionFalse, "7 Held")
	if known := f.project(t).Status.Previews; known[0].Approved == nil || known[0].Approved.Commit != commitB {
		t.Errorf("the project shows %+v", known)
	}
	delete(f.repos.errs, "Open")
	f.asked(t, "sync")
	if stage, there := f.preview(t); !there || stage.Spec.Wanted.Commit != commitB {
		t.Errorf("the preview is %+v", stage.Spec)
	}
}

// A member asks for the preview of a pull request that gets none by itself.
func TestPreviewIsAskedFor(t *testing.T) {
	tests := map[string]struct {
		change  func(*fixture)
		happens string
		made    bool
	}{
		"of a draft":               {change: func(f *fixture) { f.repos.open[0].Draft = true }, happens: "alice#3 comments preview; sync", made: true},
		"of a draft, and it stays": {change: func(f *fixture) { f.repos.open[0].Draft = true }, happens: "alice#3 comments preview; sync; sync; sync", made: true},
		"of a bot":                 {change: func(f *fixture) { f.repos.open[0].Author = "renovate[bot]" }, happens: "olga#1 comments preview; sync", made: true},
		"of what shows nothing":    {change: func(f *fixture) { f.contents.runs = map[string]bool{commitB: true} }, happens: "alice#3 comments preview; sync", made: true},
		"by a viewer":              {change: func(f *fixture) { f.repos.open[0].Draft = true }, happens: "vera#4 comments preview; sync"},
		"by a stranger":            {change: func(f *fixture) { f.repos.open[0].Draft = true }, happens: "eve#5 comments preview; sync"},
		"by a bot":                 {change: func(f *fixture) { f.repos.open[0].Draft = true }, happens: "renovate[bot]#6 comments preview; sync"},
		"into a branch of no previews": {change: func(f *fixture) {
			f.repos.file = into(strings.Replace(withPreviews, "{from: dev, ", "{from: dev, forks: approve, ", 1))
			f.repos.open[0].Base.Ref = "refs/heads/other"
		}, happens: "alice#3 comments preview; sync"},
		"of what expired":       {happens: "sync; days; gone; alice#3 comments preview; sync", made: true},
		"of what expired, once": {happens: "sync; days; gone; alice#3 comments preview; sync; days; gone; sync"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newPreviews(t)
			if tt.change != nil {
				tt.change(f)
			}
			f.asked(t, tt.happens)
			if _, there := f.preview(t); there != tt.made {
				t.Errorf("there is a preview: %t, want %t: %+v", there, tt.made, f.project(t).Status.Previews)
			}
		})
	}
}

// A preview ends later when somebody extended it, by the bound of an extension at most.
func TestPreviewIsExtended(t *testing.T) {
	at := func(d time.Duration) metav1.Time { return metav1.Time{Time: start().Add(d)} }
	tests := map[string]struct {
		extension *v1alpha1.Extension
		labels    []string
		lives     bool
	}{
		"not":                  {},
		"by a week":            {extension: &v1alpha1.Extension{By: "alice", At: at(0), Until: at(168 * time.Hour)}, lives: true},
		"by too little":        {extension: &v1alpha1.Extension{By: "alice", At: at(0), Until: at(24 * time.Hour)}},
		"by a viewer":          {extension: &v1alpha1.Extension{By: "vera", At: at(0), Until: at(168 * time.Hour)}},
		"by a stranger":        {extension: &v1alpha1.Extension{By: "eve", At: at(0), Until: at(168 * time.Hour)}},
		"beyond the bound":     {extension: &v1alpha1.Extension{By: "alice", At: at(0), Until: at(10_000 * time.Hour)}},
		"from the future":      {extension: &v1alpha1.Extension{By: "alice", At: at(9_000 * time.Hour), Until: at(9_100 * time.Hour)}},
		"kept by the label":    {labels: []string{"slipway-keep"}, lives: true},
		"with a label like it": {labels: []string{"slipway-keeps"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newPreviews(t)
			f.repos.open[0].Labels = tt.labels
			f.reconcile(t)
			stage, _ := f.preview(t)
			stage.Spec.Extension = tt.extension
			if err := f.client.Update(t.Context(), &stage); err != nil {
				t.Fatal(err)
			}
			f.again(t, 72*time.Hour)
			if _, there := f.preview(t); there != tt.lives {
				t.Errorf("it is there: %t, want %t", there, tt.lives)
			}
			if known := f.project(t).Status.Previews; len(known) != 1 || (known[0].Ends == nil) != (!tt.lives || len(tt.labels) > 0) {
				t.Errorf("the project shows %+v", known)
			}
		})
	}
}

// Comments are not dropped in a flood, nor forgotten while they could count twice.
func TestCommentsAreKept(t *testing.T) {
	comment := func(name string, age time.Duration, done bool) *v1alpha1.Delivery {
		return push(name, func(d *v1alpha1.Delivery) {
			d.Spec.Event, d.Spec.Ref, d.Spec.Comment, d.Spec.Received = string(scm.KindComment), "", name, metav1.NewMicroTime(start().Add(-age))
			if done {
				d.Status.Phase = v1alpha1.DeliveryDone
			}
		})
	}
	objects := waitingDeliveries(floodSize + 5)
	objects = append(objects, comment("waits", time.Second, false), comment("young", time.Hour, true), comment("old", deliveryTTL+time.Hour, true))
	for i := range maxDeliveries + 10 {
		objects = append(objects, push(fmt.Sprintf("done-%03d", i), func(d *v1alpha1.Delivery) {
			d.Spec.Received, d.Status.Phase = metav1.NewMicroTime(start().Add(-time.Minute)), v1alpha1.DeliveryDone
		}))
	}
	f := newFixture(t, objects...)
	f.reconcile(t)
	got := f.cleaned()
	dropped := 0
	for name, what := range got {
		if strings.HasPrefix(name, "done-") && what == "delete" {
			dropped++
		}
	}
	if got["waits"] != "Done: synced" || got["young"] != "" || got["old"] != "delete" || dropped != 10 {
		t.Errorf("waiting %q, young %q, old %q, %d others dropped", got["waits"], got["young"], got["old"], dropped)
	}
	if c := meta.FindStatusCondition(f.project(t).Status.Conditions, v1alpha1.ConditionSynced); c == nil || c.Status != metav1.ConditionTrue {
		t.Errorf("the sync: %+v", c)
	}
}
