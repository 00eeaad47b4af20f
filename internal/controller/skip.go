package controller

import (
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// skipped reports whether the stage's head asks not to be released, and nobody
// released it all the same.
func skipped(stage *v1alpha1.Stage, releases []v1alpha1.Release) bool {
	if !stage.Spec.Wanted.Skip {
		return false
	}
	return len(releases) == 0 || releases[0].Spec.Head.Commit != stage.Spec.Wanted.Commit
}

// skipMessage says that the stage's head was skipped, and what to do.
func skipMessage(stage *v1alpha1.Stage) string {
	return fmt.Sprintf("commit %.8s says [skip slipway], so it is not released; `slipway deploy %s` releases it", stage.Spec.Wanted.Commit, stage.Spec.Name)
}
