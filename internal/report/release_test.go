package report

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
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

func TestReleaseOf(t *testing.T) {
	stage := &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Name: "dev", Ref: "refs/heads/main"}, Status: v1alpha1.StageStatus{URL: "https://dev.example"}}
	whole := Release{
		UID: "u", Name: "slipway-org-acme/shop-dev-1", Repository: "acme/shop", Commit: "c0ffee", Ref: "refs/heads/main", Stage: "dev",
		Latest: true, URL: "https://dev.example",
	}
	digest := "sha256:" + strings.Repeat("0123456789abcdef", 4)
	cases := map[string]struct {
		status v1alpha1.ReleaseStatus
		change func(*Release)
	}{
		"waits for its turn": {v1alpha1.ReleaseStatus{}, func(r *Release) { r.Step, r.Sentence = StepQueued, "queued: waits for its turn" }},
		"builds":             {v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseBuilding, Reported: v1alpha1.PhasePending}, func(r *Release) { r.Step, r.Before, r.Sentence = StepBuilding, StepQueued, "building" }},
		"renders":            {v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseRendering}, func(r *Release) { r.Step, r.Sentence = StepDeploying, "deploying" }},
		"is held":            {v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseHeld, Message: "held: waits for ci/test"}, func(r *Release) { r.Step, r.Sentence = StepHeld, "held: waits for ci/test" }},
		"fails":              {v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseFailed, Message: "no " + digest}, func(r *Release) { r.Step, r.Sentence = StepFailed, "failed: no sha256:01234567" }},
		"is superseded":      {v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSuperseded}, func(r *Release) { r.Step, r.Sentence = StepSuperseded, "superseded" }},
		"is live at its own address": {v1alpha1.ReleaseStatus{Phase: v1alpha1.PhaseSucceeded, Message: "1 changed", URL: "https://x.example"},
			func(r *Release) { r.Step, r.Sentence, r.URL = StepLive, "live: 1 changed", "https://x.example" }},
		"has a phase of another version": {v1alpha1.ReleaseStatus{Phase: "Odd"}, func(*Release) {}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rel := &v1alpha1.Release{
				ObjectMeta: metav1.ObjectMeta{Namespace: "slipway-org-acme", Name: "shop-dev-1", UID: "u"},
				Spec:       v1alpha1.ReleaseSpec{Head: v1alpha1.Head{Commit: "c0ffee"}}, Status: c.status,
			}
			want := whole
			c.change(&want)
			if diff := cmp.Diff(want, ReleaseOf(shop(), stage, rel, true)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// shop is a project with a repository.
func shop() *v1alpha1.Project {
	return &v1alpha1.Project{Spec: v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Path: "acme/shop"}}}}
}

// Only what was decided about the present spec is reported.
func TestSkippedOf(t *testing.T) {
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Generation: 2},
		Spec:       v1alpha1.StageSpec{Name: "dev", PullRequest: 7, Wanted: v1alpha1.Head{Commit: "c0ffee"}},
		Status: v1alpha1.StageStatus{Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionAutoDeploy, Reason: release.ReasonSkipped, Message: "its commit says so", ObservedGeneration: 2},
		}},
	}
	want := Release{Repository: "acme/shop", Commit: "c0ffee", Stage: "preview", Preview: true, Step: StepSkipped, Latest: true, Sentence: "skipped: its commit says so"}
	if diff := cmp.Diff(want, SkippedOf(shop(), stage)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, change := range map[string]func(*v1alpha1.Stage){
		"a newer spec":   func(s *v1alpha1.Stage) { s.Generation = 3 },
		"another reason": func(s *v1alpha1.Stage) { s.Status.Conditions[0].Reason = release.ReasonPromotion },
		"nothing":        func(s *v1alpha1.Stage) { s.Status.Conditions = nil },
	} {
		other := stage.DeepCopy()
		change(other)
		if why := Skipped(other); why != "" {
			t.Errorf("%s: skipped because %q", name, why)
		}
	}
}

// A head that waits for its stage to be taken down says what keeps it; a stage that
// just goes says nothing.
func TestEndingOf(t *testing.T) {
	deleted := metav1.Now()
	stage := &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &deleted, Annotations: map[string]string{naming.AnnotationWantedAgain: "c0ffee"}},
		Spec:       v1alpha1.StageSpec{Name: "feature-x", Ref: "refs/heads/feature/x"},
		Status:     v1alpha1.StageStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonEnding, Message: "a finalizer keeps it"}}},
	}
	want := Release{Repository: "acme/shop", Commit: "c0ffee", Ref: "refs/heads/feature/x", Stage: "feature-x", Step: StepHeld, Latest: true, Sentence: "held: a finalizer keeps it"}
	if diff := cmp.Diff(want, EndingOf(shop(), stage)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, change := range map[string]func(*v1alpha1.Stage){
		"it stays":           func(s *v1alpha1.Stage) { s.DeletionTimestamp = nil },
		"its ref is gone":    func(s *v1alpha1.Stage) { s.Annotations = nil },
		"nobody looked yet":  func(s *v1alpha1.Stage) { s.Status.Conditions = nil },
		"it failed for good": func(s *v1alpha1.Stage) { s.Status.Conditions[0].Reason = "CrashLoop" },
	} {
		other := stage.DeepCopy()
		change(other)
		if why := Ending(other); why != "" {
			t.Errorf("%s: held because %q", name, why)
		}
	}
}

func TestFileCheckOf(t *testing.T) {
	right := FileCheckOf(shop(), "c0ffee", nil)
	if right.Title != "slipway.yaml is right" || right.Found != nil || right.Repository != "acme/shop" || right.Commit != "c0ffee" {
		t.Errorf("nothing found: %+v", right)
	}
	found := Findings(projectfile.Problems{
		{File: "slipway.yaml", Line: 3, Column: 5, Path: "a", What: "is wrong", Remedy: "remove it"}, {File: "slipway.yaml", Line: 4, Column: 1, Path: "b"},
	})
	check := FileCheckOf(shop(), "c0ffee", found)
	if check.Title != "slipway.yaml:3:5: a: is wrong; remove it" || len(check.Found) != 2 || !strings.Contains(check.Summary, "mistakes: 2") {
		t.Errorf("two found: %+v", check)
	}
}

// A pull request is told why it has no preview, but not that it changes nothing, which
// its commit's status says.
func TestPullRequestWithoutPreview(t *testing.T) {
	p := shop()
	p.Status.Previews = []v1alpha1.Preview{
		{PullRequest: 6, State: v1alpha1.PreviewQueued, Commit: "c6", Message: "it is number 2 in the `queue` | <b>"},
		{PullRequest: 7, State: v1alpha1.PreviewUnchanged, Commit: "c7", Message: "nothing to preview: it makes what runs at stage dev"},
		{PullRequest: 8, State: v1alpha1.PreviewLive, Commit: "c8"},
	}
	for number, want := range map[int64]string{6: "- queued: `it is number 2 in the  queue", 7: "", 8: "", 9: ""} {
		pull, say := PullRequestOf(p, Discussion{Number: number})
		if say != (want != "") || !strings.Contains(pull.Text, want) || strings.Contains(pull.Text, "<b>") {
			t.Errorf("pull request %d: %q", number, pull.Text)
		}
	}
	ref := "refs/heads/docs"
	want := Release{
		Repository: "acme/shop", Commit: "c7", Ref: ref, Stage: "preview", Preview: true, Step: StepUnchanged, Latest: true,
		Sentence: "unchanged: nothing to preview: it makes what runs at stage dev",
	}
	got, is := NothingToPreview(p, scm.PullRequest{Number: 7, Head: scm.Side{Ref: ref}})
	if diff := cmp.Diff(want, got); !is || diff != "" {
		t.Errorf("%t (-want +got):\n%s", is, diff)
	}
	if got, is := NothingToPreview(p, scm.PullRequest{Number: 8}); is {
		t.Errorf("of one with a preview is said %+v", got)
	}
}

func TestPullRequestOf(t *testing.T) {
	stage := v1alpha1.Stage{
		Spec: v1alpha1.StageSpec{Name: "feature-x"},
		Status: v1alpha1.StageStatus{
			Phase: v1alpha1.PhaseFailed, Attempted: "0123456789abcdef", URL: "https://x.example",
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Message: "web crashes: `rm` | <script> @everyone\n# x"}},
		},
	}
	pull, say := PullRequestOf(shop(), Discussion{Number: 7, Stages: []v1alpha1.Stage{stage}, File: FileChange{Mistakes: []scm.Finding{{Path: "slipway.yaml", Line: 3, Column: 5, Message: "a: is `wrong`"}}}})
	for _, want := range []string{"[`feature-x`](https://x.example)", "`01234567`", "`failed: web crashes:  rm", "`slipway.yaml:3:5` `a: is  wrong `"} {
		if !strings.Contains(pull.Text, want) {
			t.Errorf("it lacks %q:\n%s", want, pull.Text)
		}
	}
	if !say || pull.Repository != "acme/shop" || pull.Number != 7 {
		t.Errorf("%t, for %s %d", say, pull.Repository, pull.Number)
	}
	if strings.Contains(pull.Text, "<script>") || strings.Contains(pull.Text, "\n# x") {
		t.Errorf("a message steers the comment:\n%s", pull.Text)
	}
	if pull, say := PullRequestOf(shop(), Discussion{Number: 7, File: FileChange{Differs: true}}); say {
		t.Errorf("nothing to say is said as %q", pull.Text)
	}
}

func TestRightsChanges(t *testing.T) {
	before := &project.File{Members: []project.Member{{User: "alice", Role: "owner"}, {User: "bob", Role: "viewer"}, {Group: "acme/x", Role: "developer"}}}
	after := &project.File{Members: []project.Member{{User: "alice", Role: "developer"}, {User: "`carol|", Role: "maintainer"}, {Group: "acme/x", Role: "developer"}}}
	want := []string{"` carol  becomes maintainer`", "`alice goes from owner to developer`", "`bob is no longer viewer`", "that takes an owner: when somebody else merges, it is held until one accepts it"}
	if got := RightsChanges(before, after); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	stage := &project.File{Members: before.Members, Stages: []project.Stage{{Name: "dev"}}}
	if got := RightsChanges(before, stage); !slices.Equal(got, []string{"`stage dev is added`", "that takes a maintainer: when somebody else merges, it is held until one accepts it"}) {
		t.Errorf("%q", got)
	}
	if got := RightsChanges(before, before); got != nil {
		t.Errorf("nothing changes, and %q is said", got)
	}
}
