package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// scaleText lists replicas that are in force.
func scaleText(scale map[string]int32) string {
	parts := make([]string, 0, len(scale))
	for _, name := range slices.Sorted(maps.Keys(scale)) {
		parts = append(parts, fmt.Sprintf("%s=%d", name, scale[name]))
	}
	if len(parts) == 0 {
		return "back to the project file"
	}
	return strings.Join(parts, " ")
}

// success is the sentence of a release that went well.
func (r *run) success() string {
	c := r.status.Changes
	text := r.became() + fmt.Sprintf(": %d created, %d changed, %d unchanged, %d removed", c.Created, c.Changed, c.Unchanged, c.Pruned)
	switch {
	case r.status.Built > 0 && r.status.Reused > 0:
		text += fmt.Sprintf("; %d built, %d reused", r.status.Built, r.status.Reused)
	case r.status.Built > 0:
		text += fmt.Sprintf("; %d built", r.status.Built)
	case r.status.Reused > 0:
		text += fmt.Sprintf("; nothing built, %d reused", r.status.Reused)
	}
	return text + r.approvedBy()
}

// became says what the stage is now.
func (r *run) became() string {
	spec := r.Release.Spec
	switch spec.Trigger {
	case v1alpha1.TriggerRollback:
		return "back at release " + spec.From + ", as " + spec.By + " asked"
	case v1alpha1.TriggerAutoRollback:
		return "back at release " + spec.From
	case v1alpha1.TriggerPromotion:
		return "live with the images of release " + spec.From
	case v1alpha1.TriggerRestart:
		return "restarted, as " + spec.By + " asked"
	case v1alpha1.TriggerScale:
		return "scaled, as " + spec.By + " asked (" + scaleText(r.Stage.Status.Scale) + ")"
	}
	return "live"
}

// end makes the outcome of a story durable.
func (r *run) end(ctx context.Context, err error) error {
	var failure *Failure
	var held *heldError
	superseded := errors.Is(err, ErrSuperseded) || errors.Is(context.Cause(ctx), ErrSuperseded)
	switch {
	case err == nil:
		r.mark(v1alpha1.PhaseSucceeded, r.success())
	case superseded:
		r.mark(v1alpha1.PhaseSuperseded, "a newer release of the stage took over")
	case ctx.Err() != nil:
		return fmt.Errorf("release %s stopped: %w", r.Release.Name, context.Cause(ctx))
	case errors.As(err, &held):
		weighed := r.status.ObservedGeneration >= r.Release.Generation // every verdict
		if weighed && r.status.Phase == v1alpha1.PhaseHeld && r.status.Message == held.reason {
			return nil
		}
		r.mark(v1alpha1.PhaseHeld, held.reason)
	case errors.As(err, &failure):
		r.status.Cause = failure.Cause
		r.mark(v1alpha1.PhaseFailed, failure.Message)
		r.noteReturn(ctx)
	default:
		r.Log.Error("release failed", "release", r.Release.Name, "code", fault.CodeOf(err), "error", err)
		r.status.Cause = causeOf(r.status.Phase, err)
		r.mark(v1alpha1.PhaseFailed, fault.MessageOf(err))
		r.noteReturn(ctx)
	}
	r.status.Message = fault.Clip(r.status.Message, 4096)
	writeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := r.journal.Write(writeCtx, r.status); err != nil {
		return fmt.Errorf("write the end of release %s: %w", r.Release.Name, err)
	}
	return nil
}

// heldError stops a story until a person or a time lets it go on.
type heldError struct{ reason string }

func (e *heldError) Error() string { return "held: " + e.reason }

// causeOf names for machines where a release failed.
func causeOf(phase v1alpha1.Phase, err error) string {
	if fault.CodeOf(err) == fault.Unavailable {
		return "Unavailable"
	}
	switch phase {
	case v1alpha1.PhaseBuilding:
		return "BuildFailed"
	case v1alpha1.PhaseRendering:
		return "RenderFailed"
	case v1alpha1.PhaseApplying:
		return "ApplyFailed"
	case v1alpha1.PhaseVerifying:
		return "NotReady"
	}
	return "PlanFailed"
}

// rollbackAuto is what the file says of a stage that goes back by itself.
const rollbackAuto = "auto"

// noteReturn notes on a release that failed whether its stage goes back to the
// last good one. That is written together with the failure, so that no crash
// comes between. Only what brought a commit, and began to change things, is
// gone back from: a return that fails ends there.
func (r *run) noteReturn(ctx context.Context) {
	if !r.Release.Spec.Trigger.DeploysCommit() || r.Good == nil || r.Good.Status.Bundle == "" || !CameToApplying(r.status) {
		return
	}
	document, _, err := r.Sources.File(ctx, r.Project, r.fileCommit())
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

// noteApproval says in the status who approved.
func (r *run) noteApproval(by []string) {
	if len(by) == 0 {
		return
	}
	r.condition(v1alpha1.ConditionApproved, "Approved", "approved by "+strings.Join(by, ", "))
}

// approvedBy returns what the status says of approvals, as the end of a
// sentence.
func (r *run) approvedBy() string {
	if c := meta.FindStatusCondition(r.status.Conditions, v1alpha1.ConditionApproved); c != nil {
		return "; " + c.Message
	}
	return ""
}

// condition notes that something is true of the release.
func (r *run) condition(kind, reason, message string) {
	meta.SetStatusCondition(&r.status.Conditions, metav1.Condition{
		Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: fault.Clip(message, 1024),
		LastTransitionTime: metav1.Time{Time: r.Now()}, ObservedGeneration: r.Release.Generation,
	})
}

// enter begins a phase and makes that durable.
func (r *run) enter(ctx context.Context, phase v1alpha1.Phase, message string) error {
	r.mark(phase, message)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err := persist(ctx, r, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.journal.Write(ctx, r.status)
	}, func(error) {}) // where it would be told can't be written
	return err
}

// mark notes a phase without making it durable. A phase entered again after a
// crash keeps its first time.
func (r *run) mark(phase v1alpha1.Phase, message string) {
	r.status.Message = message
	if n := len(r.status.Timings); n == 0 || r.status.Timings[n-1].Phase != phase {
		r.status.Timings = append(r.status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.MicroTime{Time: r.Now()}})
	}
	r.status.Phase = phase
}
