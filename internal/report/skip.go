package report

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

// Skipped returns the sentence that says why the stage's head is not released
// by its own wish, empty when it is, or when nobody has decided yet.
func Skipped(stage *v1alpha1.Stage) string {
	automatic := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionAutoDeploy)
	if automatic == nil || automatic.Reason != release.ReasonSkipped || automatic.ObservedGeneration != stage.Generation {
		return ""
	}
	return automatic.Message
}
