package stage

import (
	"cmp"
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release"
)

// showDelay is how long a release that has no phase yet is not shown: most begin
// and end at once, and the first word says more than that they exist. Objects
// know the second of their creation only.
const showDelay = 2 * time.Second

// showDelayOf returns how long to wait before the stage shows its newest
// release, 0 or less for not at all.
func showDelayOf(stage *v1alpha1.Stage, history release.History, now time.Time) time.Duration {
	if len(history) == 0 || history[0].Status.Phase != "" || stage.Status.Release == history[0].Name {
		return 0
	}
	return showDelay - now.Sub(history[0].CreationTimestamp.Time)
}

// show writes the newest release, the newest that succeeded, what is
// quarantined and whether pushes go through to the stage's status.
func (r *Reconciler) show(ctx context.Context, stage *v1alpha1.Stage, history release.History, step release.Step) error {
	after := stage.DeepCopy()
	after.Status.ObservedGeneration = stage.Generation
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: "NoRelease", Message: "no release yet"}
	if stage.Spec.PromoteFrom != "" {
		condition.Message = "waits for a promotion from stage " + stage.Spec.PromoteFrom
	}
	if len(history) > 0 {
		newest := history[0]
		after.Status.Release, after.Status.Attempted = newest.Name, newest.Spec.Head.Commit
		after.Status.Phase, after.Status.Sequence = newest.Status.Phase, newest.Spec.Sequence
		condition.Status, condition.Reason, condition.Message = readiness(newest)
	}
	if good := history.Good(); good != nil {
		after.Status.Good, after.Status.Commit, after.Status.URL = good.Name, good.Spec.Head.Commit, good.Status.URL
	}
	after.Status.Quarantine = history.Quarantine(stage.Status.Quarantine)
	if after.Status.Asleep = release.AsleepOf(history); after.Status.Asleep != nil && history[0].Name == history.Asleep().Name {
		condition.Reason, condition.Message = "Asleep", printable.Passage(release.AsleepText(after), 1024)
	}
	kube.SetCondition(&after.Status.Conditions, condition, stage.Generation)
	if lost := lostNamespace(stage, history); lost != "" {
		showLost(after, "NamespaceLost", lost)
	}
	kube.SetCondition(&after.Status.Conditions, autoDeploy(step), stage.Generation)
	return kube.PatchStatus(ctx, r.Client, stage, after)
}

// lostNamespace says why nothing of a stage is live, whatever its newest release came
// to; empty while it is, and while a release may bring it back.
func lostNamespace(stage *v1alpha1.Stage, history release.History) string {
	lost := meta.FindStatusCondition(stage.Status.Conditions, v1alpha1.ConditionNamespace)
	if lost == nil || lost.Status != metav1.ConditionFalse || len(history) == 0 || !history[0].Status.Phase.Done() {
		return ""
	}
	return lost.Message
}

// autoDeploy puts what a stage does by itself into a condition.
func autoDeploy(step release.Step) metav1.Condition {
	if step.Reason != "" {
		return metav1.Condition{Type: v1alpha1.ConditionAutoDeploy, Status: metav1.ConditionFalse, Reason: step.Reason, Message: step.Message}
	}
	return metav1.Condition{Type: v1alpha1.ConditionAutoDeploy, Status: metav1.ConditionTrue, Reason: "Pushes", Message: "what is pushed is released"}
}

// readiness puts a release's phase into a condition of its stage.
func readiness(rel v1alpha1.Release) (status metav1.ConditionStatus, reason, message string) {
	switch phase := rel.Status.Phase; phase {
	case v1alpha1.PhaseSucceeded:
		return metav1.ConditionTrue, string(phase), rel.Status.Message
	case v1alpha1.PhaseFailed:
		return metav1.ConditionFalse, cmp.Or(rel.Status.Cause, string(phase)), rel.Status.Message
	default:
		return metav1.ConditionUnknown, cmp.Or(string(phase), string(v1alpha1.PhasePending)), rel.Status.Message
	}
}
