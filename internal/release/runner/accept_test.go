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
// promotions and one with automatic rollbacks.
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

// request returns the inputs of a release that a person asks for after others.
func (f *fixture) request(stage string, trigger v1alpha1.Trigger, by string, from *v1alpha1.Release, before []v1alpha1.Release) (release.Inputs, release.History) {
	inputs := f.inputs("")
	inputs.Project.Name = "shop"
	object := naming.StageObject("shop", stage)
	inputs.Stage.Name = object
	inputs.Stage.Spec.Name, inputs.Stage.Spec.Rule = stage, stage
	inputs.Stage.Spec.Wanted = v1alpha1.Head{Commit: releasetest.Commit("c"), FileCommit: releasetest.Commit("f")}
	number := int64(len(before) + 1)
	inputs.Release.Name = naming.Release(object, number)
	inputs.Release.Spec = v1alpha1.ReleaseSpec{
		Project: "shop", Stage: object, Sequence: number, Trigger: trigger, By: by,
		Head: v1alpha1.Head{Commit: releasetest.Commit("c"), FileCommit: releasetest.Commit("0"), Actor: "alice"},
	}
	if from != nil {
		inputs.Release.Spec.From, inputs.Release.Spec.Head.Commit = from.Name, from.Spec.Head.Commit
		inputs.From, inputs.FromStage = from, &v1alpha1.Stage{}
	}
	history := release.NewHistory(before)
	inputs.Good = history.Good()
	return inputs, history
}

// of makes releases those of a stage.
func of(stage string, releases []v1alpha1.Release) []v1alpha1.Release {
	for i := range releases {
		releases[i].Spec.Project, releases[i].Spec.Stage = "shop", naming.StageObject("shop", stage)
	}
	return releases
}

func TestAccept(t *testing.T) {
	type request struct {
		stage   string
		trigger v1alpha1.Trigger
		by      string
		from    int // index into past; -1 for none
		past    []v1alpha1.Release
		change  func(*release.Inputs)
		prepare func(*fixture)
	}
	two := func() []v1alpha1.Release { return releasetest.Past("push a good", "push b good") }
	tests := map[string]struct {
		request
		cause string // empty: accepted
		want  string // part of the sentence
	}{
		"owner deploys":          {request{"production", "deploy", "alice", -1, two(), nil, nil}, "", ""},
		"by e-mail":              {request{"production", "deploy", "alice@acme.example", -1, two(), nil, nil}, "", ""},
		"viewer deploys":         {request{"staging", "deploy", "bob", -1, two(), nil, nil}, "Denied", "bob may not deploy to stage staging"},
		"developer, protected":   {request{"production", "deploy", "olga", -1, two(), nil, nil}, "Denied", "olga may not deploy to stage production, which is protected (slipway.yaml:10:"},
		"developer, unprotected": {request{"staging", "deploy", "olga", -1, two(), nil, nil}, "", ""},
		"nobody":                 {request{"staging", "deploy", "", -1, two(), nil, nil}, "Denied", "spec.by is empty"},
		"a group's name":         {request{"staging", "deploy", "acme/backend", -1, two(), nil, nil}, "Denied", "no member"},
		"a kind for the server":  {request{"staging", "push", "alice", -1, two(), nil, nil}, "Denied", "may not"},
		"another name":           {request{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Release.Name = "x" }, nil}, "Invalid", "must be named"},
		"another project":        {request{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Release.Spec.Project = "bank" }, nil}, "Invalid", "belongs to project shop"},
		"a commit of the ref": {request{"staging", "deploy", "olga", -1, two(), func(o *release.Inputs) { o.Release.Spec.Head.Commit = releasetest.Commit("b") }, func(f *fixture) {
			f.descends = map[string]bool{releasetest.Commit("c") + " " + releasetest.Commit("b"): true}
		}}, "", ""},
		"a commit of elsewhere":       {request{"staging", "deploy", "olga", -1, two(), func(o *release.Inputs) { o.Release.Spec.Head.Commit = releasetest.Commit("e") }, nil}, "Invalid", "commit eeeeeeee is not in the history of refs/heads/main"},
		"deploy in a pause":           {request{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max", Reason: "audit"} }, nil}, "Paused", "stage staging is paused by max: audit; `slipway resume shop staging` first"},
		"deploy where promoted":       {request{"live", "deploy", "alice", -1, nil, func(o *release.Inputs) { o.Stage.Spec.PromoteFrom = "staging" }, nil}, "Invalid", "takes only releases of stage staging (slipway.yaml:12:"},
		"quarantined, maintainer":     {request{"staging", "deploy", "max", -1, releasetest.Past("push a good", "push c good", "rollback a good"), nil, nil}, "Quarantined", "max may not deploy a quarantined commit to stage staging"},
		"quarantined, owner":          {request{"staging", "deploy", "alice", -1, releasetest.Past("push a good", "push c good", "rollback a good"), nil, nil}, "", ""},
		"rollback":                    {request{"staging", "rollback", "olga", 0, two(), nil, nil}, "", ""},
		"rollback in a pause":         {request{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max"} }, nil}, "", ""},
		"rollback of production":      {request{"production", "rollback", "olga", 0, two(), nil, nil}, "Denied", "olga may not roll back stage production"},
		"rollback to nothing":         {request{"staging", "rollback", "olga", -1, two(), nil, nil}, "Invalid", "a rollback needs the release that it takes from"},
		"rollback to what runs":       {request{"staging", "rollback", "olga", 1, two(), nil, nil}, "Conflict", "nothing to roll back"},
		"rollback to a failed one":    {request{"staging", "rollback", "olga", 0, releasetest.Past("push a failed", "push b good"), nil, nil}, "Invalid", "did not succeed (Failed)"},
		"rollback, another commit":    {request{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.Release.Spec.Head.Commit = releasetest.Commit("e") }, nil}, "Invalid", "is of commit aaaaaaaa, not of eeeeeeee"},
		"rollback to another stage":   {request{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.From.Spec.Stage = "shop-live" }, nil}, "Invalid", "only `slipway promote` takes from another stage"},
		"rollback to another's":       {request{"staging", "rollback", "olga", 0, two(), func(o *release.Inputs) { o.From.Spec.Project = "bank" }, nil}, "Invalid", "project shop has no release r1"},
		"restart":                     {request{"staging", "restart", "olga", 1, two(), nil, nil}, "", ""},
		"restart an old one":          {request{"staging", "restart", "olga", 0, two(), nil, nil}, "Conflict", "is not the last good release"},
		"restart while one runs":      {request{"staging", "restart", "olga", 0, releasetest.Past("push a good", "push b runs"), nil, nil}, "Conflict", "release r2 of stage staging is under way (Verifying)"},
		"restart while one is held":   {request{"staging", "restart", "olga", 0, releasetest.Past("push a good", "push b held"), nil, nil}, "", ""},
		"restart after a half one":    {request{"staging", "restart", "olga", 0, halfDone(releasetest.Past("push a good", "push b failed")), nil, nil}, "Conflict", "the stage runs a mixture of releases"},
		"restart nothing known":       {request{"staging", "restart", "olga", 1, two(), func(o *release.Inputs) { o.Release.Spec.Services = []string{"nope"} }, nil}, "Invalid", "stage staging has no service nope"},
		"scale":                       {request{"staging", "scale", "max", 1, two(), func(o *release.Inputs) { o.Stage.Spec.Scale = map[string]int32{"web": 3, "gone": -1} }, nil}, "", ""},
		"developer scales":            {request{"staging", "scale", "olga", 1, two(), nil, nil}, "Denied", "olga may not scale stage staging"},
		"scale nothing known":         {request{"staging", "scale", "max", 1, two(), func(o *release.Inputs) { o.Stage.Spec.Scale = map[string]int32{"gone": 3} }, nil}, "Invalid", "has no service gone to scale"},
		"scale beyond all":            {request{"staging", "scale", "max", 1, two(), func(o *release.Inputs) { o.Stage.Spec.Scale = map[string]int32{"web": 1001} }, nil}, "Invalid", "at most 1000"},
		"sleep":                       {request{"staging", "sleep", "olga", 1, two(), sleepy, nil}, "", ""},
		"sleep with a broken one":     {request{"staging", "sleep", "olga", 1, releasetest.Past("push a good", "push b broken"), sleepy, nil}, "", ""},
		"sleep where nobody is to":    {request{"staging", "sleep", "olga", 1, two(), nil, nil}, "Invalid", "stage staging is not to sleep: previews may, and stages that say when (slipway.yaml:"},
		"sleep with an old one":       {request{"staging", "sleep", "olga", 0, two(), sleepy, nil}, "Conflict", "release r1 is not what stage staging has now, which is that of r2"},
		"sleep, another commit":       {request{"staging", "sleep", "olga", 1, two(), func(o *release.Inputs) { sleepy(o); o.Release.Spec.Head.Commit = releasetest.Commit("e") }, nil}, "Conflict", "is not what stage staging has now"},
		"sleep of production":         {request{"production", "sleep", "olga", 1, two(), sleepy, nil}, "Denied", "olga may not put to sleep or wake stage production"},
		"sleep before anything runs":  {request{"staging", "sleep", "olga", -1, releasetest.Past("push a failed"), sleepy, nil}, "Conflict", "nothing runs in stage staging yet"},
		"sleep while one runs":        {request{"staging", "sleep", "olga", 1, releasetest.Past("push a good", "push b runs"), sleepy, nil}, "Conflict", "release r2 of stage staging is under way (Verifying)"},
		"sleep twice":                 {request{"staging", "sleep", "olga", 2, releasetest.Past("push a good", "push b good", "sleep b good"), sleepy, nil}, "Conflict", "asleep already; `slipway wake shop staging`"},
		"wake":                        {request{"staging", "wake", "olga", 2, releasetest.Past("push a good", "push b good", "sleep b good"), nil, nil}, "", ""},
		"wake what is awake":          {request{"staging", "wake", "olga", 1, two(), nil, nil}, "Conflict", "stage staging is awake already"},
		"viewer wakes":                {request{"staging", "wake", "bob", 1, releasetest.Past("push a good", "sleep a good"), nil, nil}, "Denied", "bob may not put to sleep or wake"},
		"restart what sleeps":         {request{"staging", "restart", "olga", 0, releasetest.Past("push a good", "sleep a good"), nil, nil}, "", ""},
		"rollback to its wake":        {request{"staging", "rollback", "olga", 3, releasetest.Past("push a good", "push b good", "sleep b good", "wake b good"), nil, nil}, "Conflict", "so there is nothing to roll back"},
		"rollback while it sleeps":    {request{"staging", "rollback", "olga", 0, releasetest.Past("push a good", "push b good", "sleep b good"), nil, nil}, "", ""},
		"rollback to a sleep":         {request{"staging", "rollback", "olga", 1, releasetest.Past("push a good", "sleep a good", "push b good"), nil, nil}, "Invalid", "release r2 put its stage to sleep"},
		"promote":                     {request{"live", "promotion", "olga", 0, nil, promoteFrom("staging"), nil}, "", ""},
		"promote from elsewhere":      {request{"live", "promotion", "olga", 0, nil, promoteFrom("production"), nil}, "Invalid", "takes only releases of stage staging"},
		"promote to oneself":          {request{"live", "promotion", "olga", 0, nil, promoteFrom("live"), nil}, "Invalid", "is of stage live itself"},
		"promote a preview":           {request{"live", "promotion", "olga", 0, nil, func(o *release.Inputs) { promoteFrom("staging")(o); o.FromStage.Spec.PullRequest = 7 }, nil}, "Invalid", "a preview"},
		"promote in a pause":          {request{"live", "promotion", "olga", 0, nil, func(o *release.Inputs) { promoteFrom("staging")(o); o.Stage.Spec.Pause = &v1alpha1.Pause{By: "max"} }, nil}, "Paused", "paused by max"},
		"viewer promotes":             {request{"live", "promotion", "bob", 0, nil, promoteFrom("staging"), nil}, "Denied", "bob may not promote to stage live"},
		"the rule is gone":            {request{"staging", "deploy", "alice", -1, two(), func(o *release.Inputs) { o.Stage.Spec.Rule = "gone" }, nil}, "Invalid", "has no stage gone any more"},
		"refused ones don't count":    {request{"staging", "restart", "olga", 1, releasetest.Past("push a good", "push b good", "rollback a refused"), nil, nil}, "", ""},
		"numbered behind one that is": {request{"staging", "rollback", "olga", 0, releasetest.Past("push a good", "push b good", "restart b good"), nil, nil}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.file = people
			if tt.prepare != nil {
				tt.prepare(f)
			}
			of(tt.stage, tt.past)
			var from *v1alpha1.Release
			switch {
			case tt.trigger == v1alpha1.TriggerPromotion:
				from = &of("staging", releasetest.Past("push a good"))[0]
			case tt.from >= 0:
				from = tt.past[tt.from].DeepCopy()
			}
			inputs, history := f.request(tt.stage, tt.trigger, tt.by, from, tt.past)
			if tt.change != nil {
				tt.change(&inputs)
			}
			answer, err := f.runner().Accept(t.Context(), inputs, history)
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, answer, tt.cause, tt.want)
			for _, read := range f.read {
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

// sleepy makes a stage one that people may put to sleep.
func sleepy(o *release.Inputs) { o.Stage.Spec.Sleep = &v1alpha1.Sleep{Hours: "20:00-07:00 UTC"} }

// halfDone lets the last release have begun to apply.
func halfDone(releases []v1alpha1.Release) []v1alpha1.Release {
	last := &releases[len(releases)-1]
	last.Status.Timings = []v1alpha1.PhaseTime{{Phase: v1alpha1.PhaseApplying}}
	return releases
}

func TestAcceptWaitsForTheFile(t *testing.T) {
	f := newFixture(t)
	inputs, history := f.request("production", v1alpha1.TriggerDeploy, "alice", nil, nil)
	inputs.Release.Spec.Head.Commit = releasetest.Commit("b")
	r := f.runner()
	r.Sources = broken{f}
	if _, err := r.Accept(t.Context(), inputs, history); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("err = %v, want it to be tried again", err)
	}
}

// broken is sources whose history can't be read.
type broken struct{ *fixture }

func (broken) Descends(context.Context, *v1alpha1.Project, string, string) (bool, error) {
	return false, fault.New(fault.Unavailable, "the forge is away")
}

// A release that a person asked for obeys the file of the trusted ref, not the
// one that the request names.
func TestRequestsDoNotChooseTheirFile(t *testing.T) {
	f := newFixture(t)
	f.file = people
	inputs, _ := f.request("production", v1alpha1.TriggerDeploy, "alice", nil, nil)
	if err := f.runner().Run(t.Context(), inputs, f, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{releasetest.Commit("f")}, f.read); diff != "" || f.status.Phase != v1alpha1.PhaseSucceeded {
		t.Errorf("%s: %s; files (-want +got):\n%s", f.status.Phase, f.status.Message, diff)
	}
}

func TestAnswered(t *testing.T) {
	f := newFixture(t)
	inputs, _ := f.request("production", v1alpha1.TriggerDeploy, "alice", nil, nil)
	inputs.Release.Spec.Reason = "hotfix"
	refused := f.runner().Answered(inputs, runner.Answer{Refused: &release.Failure{Cause: "Denied", Message: "no"}})
	if refused.Phase != v1alpha1.PhaseFailed || refused.Cause != "Denied" || refused.Message != "no" || !meta.IsStatusConditionFalse(refused.Conditions, v1alpha1.ConditionAccepted) {
		t.Errorf("refused: %+v", refused)
	}
	accepted := f.runner().Answered(inputs, runner.Answer{})
	if accepted.Phase != v1alpha1.PhasePending || !meta.IsStatusConditionTrue(accepted.Conditions, v1alpha1.ConditionAccepted) || !strings.HasSuffix(accepted.Message, ": hotfix") {
		t.Errorf("accepted: %+v", accepted)
	}
}

// Requests are decided by the members in force, whatever the files of the commits say
// that they are about.
func TestRequestsAcrossAChangeOfMembers(t *testing.T) {
	force := strings.Replace(people, "{user: max, role: maintainer}", "{user: nina, role: maintainer}", 1)
	for _, trigger := range []v1alpha1.Trigger{v1alpha1.TriggerDeploy, v1alpha1.TriggerRollback, v1alpha1.TriggerPromotion} {
		for by, refused := range map[string]bool{"max": true, "nina": false, "alice": false} {
			t.Run(string(trigger)+" by "+by, func(t *testing.T) {
				f := newFixture(t)
				f.file = people // of every other commit
				f.files = map[string]string{strings.Repeat("f", 40): force}
				past := of("production", releasetest.Past("push a good", "push b good"))
				from := past[0].DeepCopy()
				if trigger == v1alpha1.TriggerPromotion {
					from.Spec.Stage = naming.StageObject("shop", "staging")
				}
				if trigger == v1alpha1.TriggerDeploy {
					from = nil
				}
				inputs, history := f.request("production", trigger, by, from, past)
				answer, err := f.runner().Accept(t.Context(), inputs, history)
				if err != nil {
					t.Fatal(err)
				}
				if (answer.Refused != nil) != refused || refused && answer.Refused.Cause != release.CauseDenied {
					t.Errorf("refused: %+v", answer.Refused)
				}
			})
		}
	}
}
