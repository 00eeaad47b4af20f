package release

import (
	"context"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// rollbackAuto is what the file says of a stage that goes back by itself.
const rollbackAuto = "auto"

// noteReturn notes on a release that failed whether its stage goes back to the
// last good one. That is written together with the failure, so that no crash
// comes between. Only what brought a commit, and began to change things, is
// gone back from: a return that fails ends there.
func (r *run) noteReturn(ctx context.Context) {
	if !r.Release.Spec.Trigger.DeploysCommit() || r.Good == nil || r.Good.Status.Bundle == "" || !touched(&v1alpha1.Release{Status: r.status}) {
		return
	}
	document, _, err := r.Sources.File(ctx, r.Project, r.fileHead())
	if err != nil {
		r.Log.Error("read whether the stage goes back", "release", r.Release.Name, "error", err)
		r.status.Message += "; whether the stage goes back to release " + r.Good.Name + " can't be read now: `slipway rollback` takes it there"
		return
	}
	if rule, found := document.File.Stage(r.Stage.Spec.Rule); found && rule.Rollback == rollbackAuto {
		r.condition(v1alpha1.ConditionAutoRollback, "Failed", "the stage goes back to release "+r.Good.Name)
		r.status.Message += "; the stage goes back to release " + r.Good.Name
	}
}
