package release_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

// people is a project file with one member of each role, a stage that takes
// promotions and one that returns by itself.
const people = `version: 1
project: shop
members:
  - {user: alice, email: alice@acme.example, role: owner}
  - {user: max, role: maintainer}
  - {user: olga, role: developer}
  - {user: bob, role: viewer}
  - {group: acme/backend, role: owner}
stages:
  - {name: production, branch: main, protected: true, rollback: auto}
  - {name: staging, branch: main}
  - {name: live, branch: main, promoteFrom: staging}
services:
  web:
    build: {context: web}
    port: 8080
    deadline: 90s
  cache:
    image: cache:1
    port: 6379
`

// ask returns the order of a release that a person asks for after others.
func (w *world) ask(stage string, trigger v1alpha1.Trigger, by string, from *v1alpha1.Release, before []v1alpha1.Release) (release.Order, release.History) {
	order := w.order("")
	order.Project.Name = "shop"
	object := naming.StageObject("shop", stage)
	order.Stage.Name = object
	order.Stage.Spec.Name, order.Stage.Spec.Rule = stage, stage
	order.Stage.Spec.Wanted = v1alpha1.Head{Commit: commit("c"), FileCommit: commit("f")}
	number := int64(len(before) + 1)
	order.Release.Name = naming.Release(object, number)
	order.Release.Spec = v1alpha1.ReleaseSpec{
		Project: "shop", Stage: object, Sequence: number, Trigger: trigger, By: by,
		Head: v1alpha1.Head{Commit: commit("c"), FileCommit: commit("0"), Actor: "alice"},
	}
	if from != nil {
		order.Release.Spec.From, order.Release.Spec.Head.Commit = from.Name, from.Spec.Head.Commit
		order.From, order.FromStage = from, &v1alpha1.Stage{}
	}
	history := release.NewHistory(before)
	order.Good = history.Good()
	return order, history
}

// of makes releases those of a stage.
func of(stage string, releases []v1alpha1.Release) []v1alpha1.Release {
	for i := range releases {
		releases[i].Spec.Project, releases[i].Spec.Stage = "shop", naming.StageObject("shop", stage)
	}
	return releases
}

func TestAccept(t *testing.T) {
	type wish struct {
		stage   string
		trigger v1alpha1.Trigger
		by      string
		from    int // index into past; -1 for none
		past    []v1alpha1.Release
		change  func(*release.Order)
		world   func(*world)
	}
	two := func() []v1alpha1.Release { return past("push a good", "push b good") }
	tests := map[string]struct {
		wish
		cause string // empty: accepted
		want  string // part of the sentence
	}{
		"owner deploys":               {wish{"production", "deploy", "alice", -1, two(), nil, nil}, "", ""},
		"by e-mail":                   {wish{"production", "deploy", "alice@acme.example", -1, two(), nil, nil}, "", ""},
		"viewer deploys":              {wish{"staging", "deploy", "bob", -1, two(), nil, nil}, "Denied", "bob may not deploy to stage staging"},
		"developer, protected":        {wish{"production", "deploy", "olga", -1, two(), nil, nil}, "Denied", "olga may not deploy to stage production, which is protected (slipway.yaml:10:"},
		"developer, unprotected":      {wish{"staging", "deploy", "olga", -1, two(), nil, nil}, "", ""},
		"nobody":                      {wish{"staging", "deploy", "", -1, two(), nil, nil}, "Denied", "spec.by is empty"},
		"a group's name":              {wish{"staging", "deploy", "acme/backend", -1, two(), nil, nil}, "Denied", "no member"},
		"a kind for the server":       {wish{"staging", "push", "alice", -1, two(), nil, nil}, "Denied", "may not"},
		"another name":                {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Order) { o.Release.Name = "x" }, nil}, "Invalid", "must be named"},
		"another project":             {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Order) { o.Release.Spec.Project = "bank" }, nil}, "Invalid", "belongs to project shop"},
		"a commit of the ref":         {wish{"staging", "deploy", "olga", -1, two(), func(o *release.Order) { o.Release.Spec.Head.Commit = commit("b") }, func(w *world) { w.descends = map[string]bool{commit("c") + " " + commit("b"): true} }}, "", ""},
		"a commit of elsewhere":       {wish{"staging", "deploy", "olga", -1, two(), func(o *release.Order) { o.Release.Spec.Head.Commit = commit("e") }, nil}, "Invalid", "commit eeeeeeee is not in the history of refs/heads/main"},
		"deploy in a pause":           {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Order) { o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max", Reason: "audit"} }, nil}, "Paused", "stage staging is paused by max: audit; `slipway resume shop staging` first"},
		"deploy where promoted":       {wish{"live", "deploy", "alice", -1, nil, func(o *release.Order) { o.Stage.Spec.PromoteFrom = "staging" }, nil}, "Invalid", "takes only what was released to stage staging (slipway.yaml:12:"},
		"quarantined, maintainer":     {wish{"staging", "deploy", "max", -1, past("push a good", "push c good", "rollback a good"), nil, nil}, "Quarantined", "max may not deploy a quarantined commit to stage staging"},
		"quarantined, owner":          {wish{"staging", "deploy", "alice", -1, past("push a good", "push c good", "rollback a good"), nil, nil}, "", ""},
		"rollback":                    {wish{"staging", "rollback", "olga", 0, two(), nil, nil}, "", ""},
		"rollback in a pause":         {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Order) { o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max"} }, nil}, "", ""},
		"rollback of production":      {wish{"production", "rollback", "olga", 0, two(), nil, nil}, "Denied", "olga may not roll back stage production"},
		"rollback to nothing":         {wish{"staging", "rollback", "olga", -1, two(), nil, nil}, "Invalid", "a rollback needs a release to take from"},
		"rollback to what runs":       {wish{"staging", "rollback", "olga", 1, two(), nil, nil}, "Conflict", "nothing to go back from"},
		"rollback to a failed one":    {wish{"staging", "rollback", "olga", 0, past("push a failed", "push b good"), nil, nil}, "Invalid", "did not succeed (Failed)"},
		"rollback, another commit":    {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Order) { o.Release.Spec.Head.Commit = commit("e") }, nil}, "Invalid", "is of commit aaaaaaaa, not of eeeeeeee"},
		"rollback to another stage":   {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Order) { o.From.Spec.Stage = "shop-live" }, nil}, "Invalid", "only `slipway promote` takes from another stage"},
		"rollback to another's":       {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Order) { o.From.Spec.Project = "bank" }, nil}, "Invalid", "project shop has no release r1"},
		"restart":                     {wish{"staging", "restart", "olga", 1, two(), nil, nil}, "", ""},
		"restart an old one":          {wish{"staging", "restart", "olga", 0, two(), nil, nil}, "Conflict", "is not the last good one"},
		"restart while one runs":      {wish{"staging", "restart", "olga", 0, past("push a good", "push b runs"), nil, nil}, "Conflict", "release r2 of stage staging is under way (Verifying)"},
		"restart while one is held":   {wish{"staging", "restart", "olga", 0, past("push a good", "push b held"), nil, nil}, "", ""},
		"restart after a half one":    {wish{"staging", "restart", "olga", 0, halfDone(past("push a good", "push b failed")), nil, nil}, "Conflict", "what runs is not one release"},
		"restart nothing known":       {wish{"staging", "restart", "olga", 1, two(), func(o *release.Order) { o.Release.Spec.Services = []string{"nope"} }, nil}, "Invalid", "stage staging has no service nope"},
		"scale":                       {wish{"staging", "scale", "max", 1, two(), func(o *release.Order) { o.Stage.Spec.Scale = map[string]int32{"web": 3, "gone": -1} }, nil}, "", ""},
		"developer scales":            {wish{"staging", "scale", "olga", 1, two(), nil, nil}, "Denied", "olga may not scale stage staging"},
		"scale nothing known":         {wish{"staging", "scale", "max", 1, two(), func(o *release.Order) { o.Stage.Spec.Scale = map[string]int32{"gone": 3} }, nil}, "Invalid", "has no service gone to scale"},
		"scale beyond all":            {wish{"staging", "scale", "max", 1, two(), func(o *release.Order) { o.Stage.Spec.Scale = map[string]int32{"web": 1001} }, nil}, "Invalid", "at most 1000"},
		"promote":                     {wish{"live", "promotion", "olga", 0, nil, promoteFrom("staging"), nil}, "", ""},
		"promote from elsewhere":      {wish{"live", "promotion", "olga", 0, nil, promoteFrom("production"), nil}, "Invalid", "takes only what was released to stage staging"},
		"promote to oneself":          {wish{"live", "promotion", "olga", 0, nil, promoteFrom("live"), nil}, "Invalid", "is of stage live itself"},
		"promote a preview":           {wish{"live", "promotion", "olga", 0, nil, func(o *release.Order) { promoteFrom("staging")(o); o.FromStage.Spec.PullRequest = 7 }, nil}, "Invalid", "a preview"},
		"promote in a pause":          {wish{"live", "promotion", "olga", 0, nil, func(o *release.Order) { promoteFrom("staging")(o); o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max"} }, nil}, "Paused", "paused by max"},
		"viewer promotes":             {wish{"live", "promotion", "bob", 0, nil, promoteFrom("staging"), nil}, "Denied", "bob may not promote to stage live"},
		"the rule is gone":            {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Order) { o.Stage.Spec.Rule = "gone" }, nil}, "Invalid", "has no stage gone any more"},
		"refused ones don't count":    {wish{"staging", "restart", "olga", 1, past("push a good", "push b good", "rollback a refused"), nil, nil}, "", ""},
		"numbered behind one that is": {wish{"staging", "rollback", "olga", 0, past("push a good", "push b good", "restart b good"), nil, nil}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file = people
			if tt.world != nil {
				tt.world(w)
			}
			of(tt.stage, tt.past)
			var from *v1alpha1.Release
			switch {
			case tt.trigger == v1alpha1.TriggerPromotion:
				from = &of("staging", past("push a good"))[0]
			case tt.from >= 0:
				from = tt.past[tt.from].DeepCopy()
			}
			order, history := w.ask(tt.stage, tt.trigger, tt.by, from, tt.past)
			if tt.change != nil {
				tt.change(&order)
			}
			answer, err := w.runner().Accept(t.Context(), order, history)
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, answer, tt.cause, tt.want)
			for _, read := range w.read {
				if read != commit("f") {
					t.Errorf("the file of commit %.8s was read: only the trusted ref's says who may what", read)
				}
			}
			if (tt.trigger == v1alpha1.TriggerRollback && tt.cause == "") != (answer.Quarantine != nil) {
				t.Errorf("quarantine %+v", answer.Quarantine)
			}
			if tt.trigger == v1alpha1.TriggerScale && tt.cause == "" && !cmp.Equal(answer.Scale, map[string]int32{"web": 3}) {
				t.Errorf("scale %v", answer.Scale)
			}
		})
	}
}

func checkAnswer(t *testing.T, answer release.Answer, cause, want string) {
	t.Helper()
	switch {
	case answer.Refused == nil && cause != "":
		t.Errorf("accepted, want %s: %s", cause, want)
	case answer.Refused != nil && (answer.Refused.Cause != cause || !strings.Contains(answer.Refused.Message, want)):
		t.Errorf("refused with %s: %s; want %s: %s", answer.Refused.Cause, answer.Refused.Message, cause, want)
	}
}

func promoteFrom(stage string) func(*release.Order) {
	return func(o *release.Order) {
		o.Stage.Spec.PromoteFrom = "staging"
		o.From.Spec.Stage = naming.StageObject("shop", stage)
	}
}

// halfDone lets the last release have begun to apply.
func halfDone(releases []v1alpha1.Release) []v1alpha1.Release {
	last := &releases[len(releases)-1]
	last.Status.Timings = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}
	return releases
}

func TestAcceptWaitsForTheFile(t *testing.T) {
	w := newWorld(t)
	order, history := w.ask("production", v1alpha1.TriggerDeploy, "alice", nil, nil)
	order.Release.Spec.Head.Commit = commit("b")
	runner := w.runner()
	runner.Sources = broken{w}
	if _, err := runner.Accept(t.Context(), order, history); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("err = %v, want it to be tried again", err)
	}
}

// broken is sources whose history can't be read.
type broken struct{ *world }

func (broken) Descends(context.Context, *v1alpha1.Project, string, string) (bool, error) {
	return false, fault.New(fault.Unavailable, "the forge is away")
}

// A release that a person asked for obeys the file of the trusted ref, not the
// one that the order names.
func TestOrdersDoNotChooseTheirFile(t *testing.T) {
	w := newWorld(t)
	w.file = people
	order, _ := w.ask("production", v1alpha1.TriggerDeploy, "alice", nil, nil)
	if err := w.runner().Run(t.Context(), order, w); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{commit("f")}, w.read); diff != "" || w.status.Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("%s: %s; files (-want +got):\n%s", w.status.Phase, w.status.Message, diff)
	}
}

func TestAnswered(t *testing.T) {
	w := newWorld(t)
	order, _ := w.ask("production", v1alpha1.TriggerDeploy, "alice", nil, nil)
	order.Release.Spec.Reason = "hotfix"
	refused := w.runner().Answered(order, release.Answer{Refused: &release.Failure{Cause: "Denied", Message: "no"}})
	if refused.Phase != v1alpha1.PhaseFailed || refused.Cause != "Denied" || refused.Message != "no" || !meta.IsStatusConditionFalse(refused.Conditions, v1alpha1.ConditionAccepted) {
		t.Errorf("refused: %+v", refused)
	}
	accepted := w.runner().Answered(order, release.Answer{})
	if accepted.Phase != v1alpha1.PhasePending || !meta.IsStatusConditionTrue(accepted.Conditions, v1alpha1.ConditionAccepted) || !strings.HasSuffix(accepted.Message, ": hotfix") {
		t.Errorf("accepted: %+v", accepted)
	}
}

// brought runs a push and returns the release that came of it.
func (w *world) brought(t *testing.T) *v1alpha1.Release {
	t.Helper()
	if err := w.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	made := w.order("alice").Release
	made.Name = "shop-production-1"
	if made.Status.Phase != v1alpha1.PhaseSucceeded {
		t.Fatalf("the push ended as %s: %s", made.Status.Phase, made.Status.Message)
	}
	w.status = v1alpha1.ReleaseStatus{}
	w.read, w.opened, w.writes = nil, 0, 0
	return made
}

// from returns the order of a release that takes another's bundle.
func (w *world) from(good *v1alpha1.Release, trigger v1alpha1.Trigger, by string) release.Order {
	order := w.order("")
	order.Release.Name = "shop-production-2"
	order.Release.Spec = v1alpha1.ReleaseSpec{Sequence: 2, Head: good.Spec.Head, Trigger: trigger, From: good.Name, By: by}
	order.Stage.Spec.Wanted = v1alpha1.Head{Commit: commit("b"), FileCommit: commit("f")}
	order.From, order.Good = good, good
	return order
}

func TestBundlesAreTakenAsTheyAre(t *testing.T) {
	tests := map[v1alpha1.Trigger]string{
		v1alpha1.TriggerRollback: "back at release shop-production-1, as max asked: 4 created",
		v1alpha1.TriggerReturn:   "back at release shop-production-1: 4 created",
		v1alpha1.TriggerRestart:  "restarted, as max asked: 4 created",
		v1alpha1.TriggerScale:    "scaled, as max asked (back to the project file): 4 created",
	}
	for trigger, says := range tests {
		t.Run(string(trigger), func(t *testing.T) {
			w := newWorld(t)
			w.file = people
			good := w.brought(t)
			was := string(w.applied)
			w.applied = []byte("something bad")
			jobs := len(w.jobs)
			if err := w.runner().Run(t.Context(), w.from(good, trigger, "max"), w); err != nil {
				t.Fatal(err)
			}
			s := w.status
			if s.Phase != v1alpha1.PhaseSucceeded || !strings.HasPrefix(s.Message, says) || s.Built != 0 || s.Reused != 1 {
				t.Errorf("status: %s %s, built %d, reused %d", s.Phase, s.Message, s.Built, s.Reused)
			}
			if string(w.applied) != was || s.Bundle != good.Status.Bundle || w.opened != 0 || len(w.read) != 0 || len(w.jobs) != jobs {
				t.Errorf("not the very bundle, or git (%d trees, files of %v) or a build was asked for", w.opened, w.read)
			}
			if want := map[string]time.Duration{"web": 90 * time.Second}; !cmp.Equal(w.deadlines, want) {
				t.Errorf("deadlines %v, want %v", w.deadlines, want)
			}
			if want := map[bool]int{true: 1, false: 0}[trigger == v1alpha1.TriggerRestart]; len(w.restarts) != want {
				t.Errorf("restarts %v", w.restarts)
			}
		})
	}
}

func TestRollbackGoesOnAfterEveryWrite(t *testing.T) {
	whole := newWorld(t)
	good := whole.brought(t)
	if err := whole.runner().Run(t.Context(), whole.from(good, v1alpha1.TriggerRestart, "max"), whole); err != nil {
		t.Fatal(err)
	}
	if whole.writes < 3 {
		t.Fatalf("only %d writes: nothing is interrupted", whole.writes)
	}
	for n := 1; n < whole.writes; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			good := w.brought(t)
			was := string(w.applied)
			w.applied = nil
			ctx, cancel := context.WithCancel(t.Context())
			w.stop, w.stopAt = cancel, n
			if err := w.runner().Run(ctx, w.from(good, v1alpha1.TriggerRestart, "max"), w); !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped run: %v", err)
			}
			if err := w.runner().Run(t.Context(), w.from(good, v1alpha1.TriggerRestart, "max"), w); err != nil {
				t.Fatal(err)
			}
			if w.status.Phase != v1alpha1.PhaseSucceeded || string(w.applied) != was {
				t.Errorf("phase %s: %s", w.status.Phase, w.status.Message)
			}
			for _, mark := range w.restarts {
				if mark != "shop-production-2" {
					t.Errorf("marks %v: pods would roll more than once", w.restarts)
				}
			}
		})
	}
}

func TestBundleIsGone(t *testing.T) {
	w := newWorld(t)
	good := w.brought(t)
	order := w.from(good, v1alpha1.TriggerRollback, "max")
	order.From = nil
	if err := w.runner().Run(t.Context(), order, w); err != nil {
		t.Fatal(err)
	}
	if w.status.Phase != v1alpha1.PhaseFailed || !strings.Contains(w.status.Message, "release shop-production-1, whose bundle is wanted, is gone") {
		t.Errorf("%s: %s", w.status.Phase, w.status.Message)
	}
}

func TestPromotionBuildsNothing(t *testing.T) {
	w := newWorld(t)
	w.file = people
	good := w.brought(t)
	w.image(w.host + "/library/cache:1") // the tag moves on
	order := w.from(good, v1alpha1.TriggerPromotion, "olga")
	order.Stage.Spec.Name, order.Stage.Spec.Rule = "live", "live"
	jobs := len(w.jobs)
	if err := w.runner().Run(t.Context(), order, w); err != nil {
		t.Fatal(err)
	}
	s := w.status
	if s.Phase != v1alpha1.PhaseSucceeded || s.Built != 0 || s.Reused != 1 || len(w.jobs) != jobs {
		t.Fatalf("%s: %s (built %d, reused %d)", s.Phase, s.Message, s.Built, s.Reused)
	}
	for i, service := range s.Services {
		if service.Image == "" || service.Image != good.Status.Services[i].Image || !strings.Contains(string(w.applied), service.Image) {
			t.Errorf("service %s runs %s, promoted was %s", service.Name, service.Image, good.Status.Services[i].Image)
		}
	}
	if s.Services[1].Why != "promoted: the image of release shop-production-1" {
		t.Errorf("why: %s", s.Services[1].Why)
	}
}

func TestPromotionNeedsEveryImage(t *testing.T) {
	w := newWorld(t)
	w.file = people
	good := w.brought(t)
	good.Status.Services = good.Status.Services[:1]
	order := w.from(good, v1alpha1.TriggerPromotion, "olga")
	order.Stage.Spec.Name, order.Stage.Spec.Rule = "live", "live"
	if err := w.runner().Run(t.Context(), order, w); err != nil {
		t.Fatal(err)
	}
	if w.status.Phase != v1alpha1.PhaseFailed || !strings.Contains(w.status.Message, "has no image of web, which stage live runs") || len(w.bundles) != 1 {
		t.Errorf("%s: %s", w.status.Phase, w.status.Message)
	}
}

func TestVerdicts(t *testing.T) {
	approve := func(by string) v1alpha1.Verdict { return v1alpha1.Verdict{By: by, Verdict: v1alpha1.VerdictApprove} }
	reject := func(by string) v1alpha1.Verdict {
		return v1alpha1.Verdict{By: by, Verdict: v1alpha1.VerdictReject, Reason: "no"}
	}
	tests := map[string]struct {
		verdicts []v1alpha1.Verdict
		phase    v1alpha1.Phase
		says     string
	}{
		"none":                   {nil, v1alpha1.PhaseHeld, "olga has the role developer"},
		"maintainer approves":    {[]v1alpha1.Verdict{approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"by e-mail":              {[]v1alpha1.Verdict{approve("alice@acme.example")}, v1alpha1.PhaseSucceeded, "; approved by alice"},
		"one person, two names":  {[]v1alpha1.Verdict{approve("alice@acme.example"), approve("alice")}, v1alpha1.PhaseSucceeded, "; approved by alice"},
		"the pusher approves":    {[]v1alpha1.Verdict{approve("olga")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"a stranger approves":    {[]v1alpha1.Verdict{approve("eve")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"a group's name":         {[]v1alpha1.Verdict{approve("acme/backend")}, v1alpha1.PhaseHeld, "olga has the role developer"},
		"maintainer rejects":     {[]v1alpha1.Verdict{approve("alice"), reject("max")}, v1alpha1.PhaseFailed, "rejected by max: no"},
		"a viewer rejects":       {[]v1alpha1.Verdict{reject("bob"), approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"rejects, then approves": {[]v1alpha1.Verdict{reject("max"), approve("max")}, v1alpha1.PhaseSucceeded, "; approved by max"},
		"approves, then rejects": {[]v1alpha1.Verdict{approve("max"), reject("max")}, v1alpha1.PhaseFailed, "rejected by max"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file = people
			order := w.order("olga")
			order.Release.Spec.Verdicts = tt.verdicts
			if err := w.runner().Run(t.Context(), order, w); err != nil {
				t.Fatal(err)
			}
			if w.status.Phase != tt.phase || !strings.Contains(w.status.Message, tt.says) {
				t.Errorf("%s: %s; want %s: %s", w.status.Phase, w.status.Message, tt.phase, tt.says)
			}
			if (tt.phase == v1alpha1.PhaseFailed) != (w.status.Cause == release.CauseRejected) {
				t.Errorf("cause %s", w.status.Cause)
			}
		})
	}
}

func TestFailureReturns(t *testing.T) {
	crash := &release.Failure{Cause: "CrashLoop", Message: "web crashes"}
	tests := map[string]struct {
		trigger v1alpha1.Trigger
		change  func(*world, *release.Order)
		want    bool
	}{
		"a push":                {v1alpha1.TriggerPush, func(w *world, _ *release.Order) { w.unready = crash }, true},
		"refused while applied": {v1alpha1.TriggerPush, func(w *world, _ *release.Order) { w.refused = fault.New(fault.Denied, "the quota is used up") }, true},
		"before it was applied": {v1alpha1.TriggerPush, func(_ *world, o *release.Order) { o.Stage.Spec.Rule = "gone" }, false},
		"the first of all":      {v1alpha1.TriggerPush, func(w *world, o *release.Order) { w.unready, o.Good = crash, nil }, false},
		"not in the file":       {v1alpha1.TriggerPush, func(w *world, _ *release.Order) { w.unready, w.file = crash, file }, false},
		"a return":              {v1alpha1.TriggerReturn, func(w *world, _ *release.Order) { w.unready = crash }, false},
		"a rollback":            {v1alpha1.TriggerRollback, func(w *world, _ *release.Order) { w.unready = crash }, false},
		"a restart":             {v1alpha1.TriggerRestart, func(w *world, _ *release.Order) { w.unready = crash }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.file = people
			good := w.brought(t)
			order := w.from(good, tt.trigger, "alice")
			order.Release.Spec.Head = v1alpha1.Head{Commit: commit("b"), FileCommit: commit("f"), Actor: "alice"}
			tt.change(w, &order)
			if err := w.runner().Run(t.Context(), order, w); err != nil {
				t.Fatal(err)
			}
			returns := meta.IsStatusConditionTrue(w.status.Conditions, v1alpha1.ConditionReturns)
			if w.status.Phase != v1alpha1.PhaseFailed || returns != tt.want || strings.Contains(w.status.Message, "the stage goes back to release shop-production-1") != tt.want {
				t.Errorf("%s: %s; returns %v, want %v", w.status.Phase, w.status.Message, returns, tt.want)
			}
		})
	}
}
