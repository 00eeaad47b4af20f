package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/scm"
)

func TestStepDescribes(t *testing.T) {
	cases := map[string]struct {
		at            Step
		message, want string
	}{
		"said twice":  {StepLive, "live: 1 changed", "live: 1 changed"},
		"said once":   {StepHeld, "waits for ci/test", "held: waits for ci/test"},
		"nothing":     {StepQueued, "", "queued"},
		"only itself": {StepLive, "live", "live"},
		"long":        {StepFailed, strings.Repeat("web crashes ", 40), "failed: web crashes web crashes web crashes web crashes web crashes web crashes web crashes web crashes web crashes web crashes web crashes…"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := c.at.describe(c.message)
			if got != c.want || utf8.RuneCountInString(got) > 140 {
				t.Errorf("%q of %d runes, want %q", got, utf8.RuneCountInString(got), c.want)
			}
		})
	}
}

func TestReportOf(t *testing.T) {
	p := &v1alpha1.Project{Spec: v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Path: "acme/shop"}}}}
	stage := &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Name: "dev", Ref: "refs/heads/main"}, Status: v1alpha1.StageStatus{URL: "https://dev.example"}}
	type want struct {
		state      scm.State
		deployment scm.Phase
	}
	cases := map[v1alpha1.Phase]want{
		v1alpha1.PhasePending:    {scm.StatePending, ""},
		v1alpha1.PhaseHeld:       {scm.StatePending, ""},
		v1alpha1.PhaseBuilding:   {scm.StatePending, scm.PhaseRunning},
		v1alpha1.PhaseApplying:   {scm.StatePending, scm.PhaseRunning},
		v1alpha1.PhaseVerifying:  {scm.StatePending, scm.PhaseRunning},
		v1alpha1.PhaseSucceeded:  {scm.StateSuccess, scm.PhaseLive},
		v1alpha1.PhaseFailed:     {scm.StateFailure, scm.PhaseFailed},
		v1alpha1.PhaseSuperseded: {scm.StateError, ""}, // overtaken before it was a deployment
	}
	for phase, want := range cases {
		rel := &v1alpha1.Release{Status: v1alpha1.ReleaseStatus{Phase: phase}}
		told := Of(p, stage, PendingRelease{Release: rel, Status: true})
		if told.Status.State != want.state || told.Status.Context != "slipway/dev" || told.Status.URL != "https://dev.example" {
			t.Errorf("%s: status %+v", phase, told.Status)
		}
		if got := told.Deployment; (got == nil) != (want.deployment == "") || got != nil && got.Phase != want.deployment {
			t.Errorf("%s: deployment %+v, want %q", phase, got, want.deployment)
		}
	}
	overtaken := &v1alpha1.Release{Status: v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSuperseded, Reported: v1alpha1.PhaseBuilding}}
	if told := Of(p, stage, PendingRelease{Release: overtaken}); told.Status != nil || told.Deployment == nil || told.Deployment.Phase != scm.PhaseGone {
		t.Errorf("overtaken while building: %+v", told)
	}
}

func TestComment(t *testing.T) {
	stage := v1alpha1.Stage{
		Spec: v1alpha1.StageSpec{Name: "feature-x"},
		Status: v1alpha1.StageStatus{
			Phase: v1alpha1.PhaseFailed, Attempted: "0123456789abcdef", URL: "https://x.example",
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Message: "web crashes: `rm` | <script> @everyone\n# x"}},
		},
	}
	body := Comment([]v1alpha1.Stage{stage}, FileChange{Mistakes: []scm.Finding{{Path: "slipway.yaml", Line: 3, Column: 5, Message: "a: is `wrong`"}}})
	for _, want := range []string{"[`feature-x`](https://x.example)", "`01234567`", "`failed: web crashes:  rm", "`slipway.yaml:3:5` `a: is  wrong `"} {
		if !strings.Contains(body, want) {
			t.Errorf("it lacks %q:\n%s", want, body)
		}
	}
	if strings.Contains(body, "<script>") || strings.Contains(body, "\n# x") {
		t.Errorf("a message steers the comment:\n%s", body)
	}
	if body := Comment(nil, FileChange{Differs: true}); body != "" {
		t.Errorf("nothing to say is said as %q", body)
	}
}

func TestMemberChanges(t *testing.T) {
	before := &project.File{Members: []project.Member{{User: "alice", Role: "owner"}, {User: "bob", Role: "viewer"}, {Group: "acme/x", Role: "developer"}}}
	after := &project.File{Members: []project.Member{{User: "alice", Role: "developer"}, {User: "carol", Role: "maintainer"}, {Group: "acme/x", Role: "developer"}}}
	want := "`alice` goes from owner to developer, `bob` is no longer viewer, `carol` becomes maintainer"
	if got := strings.Join(MemberChanges(before, after), ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
