package release

import (
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
)

// ActionOf returns the action of a person who requests a release with a trigger,
// empty for triggers that people can't use.
func ActionOf(t v1alpha1.Trigger) project.Action {
	switch t {
	case v1alpha1.TriggerDeploy:
		return project.ActionDeploy
	case v1alpha1.TriggerRollback:
		return project.ActionRollback
	case v1alpha1.TriggerPromotion:
		return project.ActionPromote
	case v1alpha1.TriggerRestart:
		return project.ActionRestart
	case v1alpha1.TriggerScale:
		return project.ActionScale
	case v1alpha1.TriggerSleep, v1alpha1.TriggerWake:
		return project.ActionSleep
	}
	return ""
}
