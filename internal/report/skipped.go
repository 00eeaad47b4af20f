package report

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

// SkippedOf reports that the stage's head is not released, because its commit
// says so.
func SkippedOf(p *v1alpha1.Project, stage *v1alpha1.Stage) Release {
	return Release{
		Repository: p.Primary().Path, Commit: stage.Spec.Wanted.Commit, Ref: stage.Spec.Ref,
		Stage: stageName(stage), Preview: stage.IsPreview(),
		Step: StepSkipped, Latest: true, Sentence: string(StepSkipped) + ": " + Skipped(stage),
	}
}

// EndingOf reports that a ref came back whose stage is still being taken down.
func EndingOf(p *v1alpha1.Project, stage *v1alpha1.Stage) Release {
	return Release{
		Repository: p.Primary().Path, Commit: stage.Annotations[naming.AnnotationWantedAgain], Ref: stage.Spec.Ref,
		Stage: stage.Spec.Name, Preview: stage.Spec.PullRequest != 0,
		Step: StepHeld, Latest: true, Sentence: StepHeld.describe(Ending(stage)),
	}
}

// Ending returns the sentence that says why the stage that a ref came back for can't
// be made yet, empty when nothing keeps it.
func Ending(stage *v1alpha1.Stage) string {
	ready := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionReady)
	if stage.DeletionTimestamp.IsZero() || stage.Annotations[naming.AnnotationWantedAgain] == "" || ready == nil || ready.Reason != v1alpha1.ReasonEnding {
		return ""
	}
	return ready.Message
}

// Skipped returns the sentence that says why the stage's head is not released
// automatically, empty when it is, or when nobody has decided yet.
func Skipped(stage *v1alpha1.Stage) string {
	automatic := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionAutoDeploy)
	if automatic == nil || automatic.Reason != release.ReasonSkipped || automatic.ObservedGeneration != stage.Generation {
		return ""
	}
	return automatic.Message
}
