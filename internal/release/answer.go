package release

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Answered returns the status of a release that a person asked for, once it is
// decided upon.
func (r *Runner) Answered(o Inputs, a Answer) v1alpha1.ReleaseStatus {
	run := &run{Runner: r, Inputs: o, status: *o.Release.Status.DeepCopy()}
	accepted := metav1.Condition{
		Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: "Permitted",
		Message:            fault.Clip("asked by "+a.Who.User+" ("+string(a.Who.Role)+")"+because(o.Release.Spec.Reason), 1024),
		LastTransitionTime: metav1.Time{Time: r.Now()}, ObservedGeneration: o.Release.Generation,
	}
	if a.Refused == nil {
		run.mark(v1alpha1.PhasePending, accepted.Message)
	} else {
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionFalse, a.Refused.Cause, fault.Clip(a.Refused.Message, 1024)
		run.status.Cause = a.Refused.Cause
		run.mark(v1alpha1.PhaseFailed, fault.Clip(a.Refused.Message, 4096))
	}
	meta.SetStatusCondition(&run.status.Conditions, accepted)
	return run.status
}
