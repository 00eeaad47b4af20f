package report

import (
	"cmp"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Release is how a commit stands at a stage: at which step its release is, or
// that it is not released.
type Release struct {
	UID        types.UID // of the release; empty when the head is skipped
	Name       string    // namespace/name of the release; empty when the head is skipped
	Repository string    // owner/name at the forge
	Commit     string    // full id
	Ref        string    // full ref
	Stage      string    // as slipway.yaml calls it
	Preview    bool      // the stage is short-lived
	Step       Step
	Before     Step   // the step reported before; empty for none
	Latest     bool   // no newer release of the stage has the same commit
	Sentence   string // one line, which begins with the step
	URL        string // where it can be seen; may be empty
}

// previewName stands for the stages of previews where each has a pull request of its
// own: there is one preview per commit.
const previewName = "preview"

// stageName returns what a stage is called where its commits are shown.
func stageName(stage *v1alpha1.Stage) string {
	if stage.IsPreview() {
		return previewName
	}
	return stage.Spec.Name
}

// ReleaseOf reports a release of a stage; latest says that the stage has no
// newer one of the same commit.
func ReleaseOf(p *v1alpha1.Project, stage *v1alpha1.Stage, rel *v1alpha1.Release, latest bool) Release {
	step, message := StepOf(PhaseOf(rel)), rel.Status.Message
	if rel.Status.Phase == "" {
		message = "waits for its turn"
	}
	return Release{
		UID: rel.UID, Name: rel.Namespace + "/" + rel.Name,
		Repository: p.Primary().Path, Commit: rel.Spec.Head.Commit, Ref: stage.Spec.Ref,
		Stage: stageName(stage), Preview: stage.IsPreview(),
		Step: step, Before: StepOf(rel.Status.Reported), Latest: latest,
		Sentence: step.describe(message), URL: cmp.Or(rel.Status.URL, stage.Status.URL),
	}
}
