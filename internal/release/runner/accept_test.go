package runner_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
	"github.com/slipway-dev/slipway/internal/release/runner"
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
func (w *world) ask(stage string, trigger v1alpha1.Trigger, by string, from *v1alpha1.Release, before []v1alpha1.Release) (release.Inputs, release.History) {
	order := w.order("")
	order.Project.Name = "shop"
	object := naming.StageObject("shop", stage)
	order.Stage.Name = object
	order.Stage.Spec.Name, order.Stage.Spec.Rule = stage, stage
	order.Stage.Spec.Wanted = v1alpha1.Head{Commit: releasetest.Commit("c"), FileCommit: releasetest.Commit("f")}
	number := int64(len(before) + 1)
	order.Release.Name = naming.Release(object, number)
	order.Release.Spec = v1alpha1.ReleaseSpec{
		Project: "shop", Stage: object, Sequence: number, Trigger: trigger, By: by,
		Head: v1alpha1.Head{Commit: releasetest.Commit("c"), FileCommit: releasetest.Commit("0"), Actor: "alice"},
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
		change  func(*release.Inputs)
		world   func(*world)
	}
	two := func() []v1alpha1.Release { return releasetest.Past("push a good", "push b good") }
	tests := map[string]struct {
		wish
		cause string // empty: accepted
		want  string // part of the sentence
	}{
		"owner deploys":          {wish{"production", "deploy", "alice", -1, two(), nil, nil}, "", ""},
		"by e-mail":              {wish{"production", "deploy", "alice@acme.example", -1, two(), nil, nil}, "", ""},
		"viewer deploys":         {wish{"staging", "deploy", "bob", -1, two(), nil, nil}, "Denied", "bob may not deploy to stage staging"},
		"developer, protected":   {wish{"production", "deploy", "olga", -1, two(), nil, nil}, "Denied", "olga may not deploy to stage production, which is protected (slipway.yaml:10:"},
		"developer, unprotected": {wish{"staging", "deploy", "olga", -1, two(), nil, nil}, "", ""},
		"nobody":                 {wish{"staging", "deploy", "", -1, two(), nil, nil}, "Denied", "spec.by is empty"},
		"a group's name":         {wish{"staging", "deploy", "acme/backend", -1, two(), nil, nil}, "Denied", "no member"},
		"a kind for the server":  {wish{"staging", "push", "alice", -1, two(), nil, nil}, "Denied", "may not"},
		"another name":           {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Release.Name = "x" }, nil}, "Invalid", "must be named"},
		"another project":        {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Release.Spec.Project = "bank" }, nil}, "Invalid", "belongs to project shop"},
		"a commit of the ref": {wish{"staging", "deploy", "olga", -1, two(), func(o *release.Inputs) { o.Release.Spec.Head.Commit = releasetest.Commit("b") }, func(w *world) {
			w.descends = map[string]bool{releasetest.Commit("c") + " " + releasetest.Commit("b"): true}
		}}, "", ""},
		"a commit of elsewhere":       {wish{"staging", "deploy", "olga", -1, two(), func(o *release.Inputs) { o.Release.Spec.Head.Commit = releasetest.Commit("e") }, nil}, "Invalid", "commit eeeeeeee is not in the history of refs/heads/main"},
		"deploy in a pause":           {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max", Reason: "audit"} }, nil}, "Paused", "stage staging is paused by max: audit; `slipway resume shop staging` first"},
		"deploy where promoted":       {wish{"live", "deploy", "alice", -1, nil, func(o *release.Inputs) { o.Stage.Spec.PromoteFrom = "staging" }, nil}, "Invalid", "takes only releases of stage staging (slipway.yaml:12:"},
		"quarantined, maintainer":     {wish{"staging", "deploy", "max", -1, releasetest.Past("push a good", "push c good", "rollback a good"), nil, nil}, "Quarantined", "max may not deploy a quarantined commit to stage staging"},
		"quarantined, owner":          {wish{"staging", "deploy", "alice", -1, releasetest.Past("push a good", "push c good", "rollback a good"), nil, nil}, "", ""},
		"rollback":                    {wish{"staging", "rollback", "olga", 0, two(), nil, nil}, "", ""},
		"rollback in a pause":         {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max"} }, nil}, "", ""},
		"rollback of production":      {wish{"production", "rollback", "olga", 0, two(), nil, nil}, "Denied", "olga may not roll back stage production"},
		"rollback to nothing":         {wish{"staging", "rollback", "olga", -1, two(), nil, nil}, "Invalid", "a rollback needs the release that it takes from"},
		"rollback to what runs":       {wish{"staging", "rollback", "olga", 1, two(), nil, nil}, "Conflict", "nothing to roll back"},
		"rollback to a failed one":    {wish{"staging", "rollback", "olga", 0, releasetest.Past("push a failed", "push b good"), nil, nil}, "Invalid", "did not succeed (Failed)"},
		"rollback, another commit":    {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.Release.Spec.Head.Commit = releasetest.Commit("e") }, nil}, "Invalid", "is of commit aaaaaaaa, not of eeeeeeee"},
		"rollback to another stage":   {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.From.Spec.Stage = "shop-live" }, nil}, "Invalid", "only `slipway promote` takes from another stage"},
		"rollback to another's":       {wish{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.From.Spec.Project = "bank" }, nil}, "Invalid", "project shop has no release r1"},
		"restart":                     {wish{"staging", "restart", "olga", 1, two(), nil, nil}, "", ""},
		"restart an old one":          {wish{"staging", "restart", "olga", 0, two(), nil, nil}, "Conflict", "is not the last good release"},
		"restart while one runs":      {wish{"staging", "restart", "olga", 0, releasetest.Past("push a good", "push b runs"), nil, nil}, "Conflict", "release r2 of stage staging is under way (Verifying)"},
		"restart while one is held":   {wish{"staging", "restart", "olga", 0, releasetest.Past("push a good", "push b held"), nil, nil}, "", ""},
		"restart after a half one":    {wish{"staging", "restart", "olga", 0, halfDone(releasetest.Past("push a good", "push b failed")), nil, nil}, "Conflict", "the stage runs a mixture of releases"},
		"restart nothing known":       {wish{"staging", "restart", "olga", 1, two(), func(o *release.Inputs) { o.Release.Spec.Services = []string{"nope"} }, nil}, "Invalid", "stage staging has no service nope"},
		"scale":                       {wish{"staging", "scale", "max", 1, two(), func(o *release.Inputs) { o.Stage.Spec.Scale = map[string]int32{"web": 3, "gone": -1} }, nil}, "", ""},
		"developer scales":            {wish{"staging", "scale", "olga", 1, two(), nil, nil}, "Denied", "olga may not scale stage staging"},
		"scale nothing known":         {wish{"staging", "scale", "max", 1, two(), func(o *release.Inputs) { o.Stage.Spec.Scale = map[string]int32{"gone": 3} }, nil}, "Invalid", "has no service gone to scale"},
		"scale beyond all":            {wish{"staging", "scale", "max", 1, two(), func(o *release.Inputs) { o.Stage.Spec.Scale = map[string]int32{"web": 1001} }, nil}, "Invalid", "at most 1000"},
		"promote":                     {wish{"live", "promotion", "olga", 0, nil, promoteFrom("staging"), nil}, "", ""},
		"promote from elsewhere":      {wish{"live", "promotion", "olga", 0, nil, promoteFrom("production"), nil}, "Invalid", "takes only releases of stage staging"},
		"promote to oneself":          {wish{"live", "promotion", "olga", 0, nil, promoteFrom("live"), nil}, "Invalid", "is of stage live itself"},
		"promote a preview":           {wish{"live", "promotion", "olga", 0, nil, func(o *release.Inputs) { promoteFrom("staging")(o); o.FromStage.Spec.PullRequest = 7 }, nil}, "Invalid", "a preview"},
		"promote in a pause":          {wish{"live", "promotion", "olga", 0, nil, func(o *release.Inputs) { promoteFrom("staging")(o); o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max"} }, nil}, "Paused", "paused by max"},
		"viewer promotes":             {wish{"live", "promotion", "bob", 0, nil, promoteFrom("staging"), nil}, "Denied", "bob may not promote to stage live"},
		"the rule is gone":            {wish{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Stage.Spec.Rule = "gone" }, nil}, "Invalid", "has no stage gone any more"},
		"refused ones don't count":    {wish{"staging", "restart", "olga", 1, releasetest.Past("push a good", "push b good", "rollback a refused"), nil, nil}, "", ""},
		"numbered behind one that is": {wish{"staging", "rollback", "olga", 0, releasetest.Past("push a good", "push b good", "restart b good"), nil, nil}, "", ""},
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
				from = &of("staging", releasetest.Past("push a good"))[0]
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
				if read != releasetest.Commit("f") {
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

func checkAnswer(t *testing.T, answer runner.Answer, cause, want string) {
	t.Helper()
	switch {
	case answer.Refused == nil && cause != "":
		t.Errorf("accepted, want %s: %s", cause, want)
	case answer.Refused != nil && (answer.Refused.Cause != cause || !strings.Contains(answer.Refused.Message, want)):
		t.Errorf("refused with %s: %s; want %s: %s", answer.Refused.Cause, answer.Refused.Message, cause, want)
	}
}

func promoteFrom(stage string) func(*release.Inputs) {
	return func(o *release.Inputs) {
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
	order.Release.Spec.Head.Commit = releasetest.Commit("b")
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
	if err := w.runner().Run(t.Context(), order, w, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{releasetest.Commit("f")}, w.read); diff != "" || w.status.Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("%s: %s; files (-want +got):\n%s", w.status.Phase, w.status.Message, diff)
	}
}

func TestAnswered(t *testing.T) {
	w := newWorld(t)
	order, _ := w.ask("production", v1alpha1.TriggerDeploy, "alice", nil, nil)
	order.Release.Spec.Reason = "hotfix"
	refused := w.runner().Answered(order, runner.Answer{Refused: &release.Failure{Cause: "Denied", Message: "no"}})
	if refused.Phase != v1alpha1.PhaseFailed || refused.Cause != "Denied" || refused.Message != "no" || !meta.IsStatusConditionFalse(refused.Conditions, v1alpha1.ConditionAccepted) {
		t.Errorf("refused: %+v", refused)
	}
	accepted := w.runner().Answered(order, runner.Answer{})
	if accepted.Phase != v1alpha1.PhasePending || !meta.IsStatusConditionTrue(accepted.Conditions, v1alpha1.ConditionAccepted) || !strings.HasSuffix(accepted.Message, ": hotfix") {
		t.Errorf("accepted: %+v", accepted)
	}
}
