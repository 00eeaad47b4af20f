package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
)

// scaleText lists the replicas that are in force.
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

// successMessage returns the message of a release that succeeded.
func (r *run) successMessage() string {
	c := r.status.Changes
	text := r.stateText() + fmt.Sprintf(": %d created, %d changed, %d unchanged, %d removed", c.Created, c.Changed, c.Unchanged, c.Pruned)
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

// stateText returns what the stage is after a release that succeeded.
func (r *run) stateText() string {
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
	return restText(spec)
}

// restText returns what a stage is after it fell asleep or woke, else that it is live.
func restText(spec v1alpha1.ReleaseSpec) string {
	switch spec.Trigger {
	case v1alpha1.TriggerSleep:
		return "asleep, as " + spec.By + " asked"
	case v1alpha1.TriggerAutoSleep:
		return "asleep, because " + spec.Reason
	case v1alpha1.TriggerWake:
		return "awake, as " + spec.By + " asked"
	case v1alpha1.TriggerAutoWake:
		return "awake, because " + spec.Reason
	}
	return "live"
}

// end writes the outcome of a run.
func (r *run) end(ctx context.Context, err error) error {
	var failure *release.Failure
	var held *heldError
	superseded := errors.Is(err, release.ErrSuperseded) || errors.Is(context.Cause(ctx), release.ErrSuperseded)
	switch {
	case err == nil:
		r.mark(v1alpha1.PhaseSucceeded, r.successMessage())
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
		r.fail(ctx, err, failure.Cause, failure.Message)
	default:
		r.fail(ctx, err, causeOf(r.status.Phase, err), fault.MessageOf(err))
	}
	r.status.Message = printable.Passage(r.status.Message, 4096)
	writeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := r.journal.Write(writeCtx, r.status); err != nil {
		return fmt.Errorf("write the end of release %s: %w", r.Release.Name, err)
	}
	return nil
}

// fail ends the release as failed.
func (r *run) fail(ctx context.Context, err error, cause, message string) {
	r.Log.Log(ctx, logLevel(err), "release failed", "release", r.Release.Name, "cause", cause, "error", err)
	r.status.Cause = cause
	r.mark(v1alpha1.PhaseFailed, message)
	r.recordAutoRollback(ctx)
}

// logLevel returns how urgent an error is to those who run the server: a mistake
// in somebody's repository or request is none of theirs.
func logLevel(err error) slog.Level {
	var failure *release.Failure
	if errors.As(err, &failure) {
		return slog.LevelInfo
	}
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.Denied, fault.NotFound, fault.Conflict:
		return slog.LevelInfo
	case fault.Unavailable:
		return slog.LevelWarn
	}
	return slog.LevelError
}

// heldError stops a run until a person or a point in time lets it continue.
type heldError struct{ reason string }

func (e *heldError) Error() string { return "held: " + e.reason }

// causeOf returns the code for where a release failed.
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

// rollbackAuto is the value of a stage's `rollback` that turns automatic
// rollbacks on.
const rollbackAuto = "auto"

// recordAutoRollback records on a failed release whether its stage is rolled back
// to the last good one. That is written together with the failure, so that no
// crash comes between. A stage is rolled back only from a release that deployed a
// commit and came to applying: after a rollback that fails nothing more happens.
func (r *run) recordAutoRollback(ctx context.Context) {
	if !r.Release.Spec.Trigger.DeploysCommit() || r.Good == nil || r.Good.Status.Bundle == "" || !release.CameToApplying(r.status) {
		return
	}
	document, err := r.file(ctx)
	if err != nil {
		r.Log.Log(ctx, logLevel(err), "read whether the stage is rolled back", "release", r.Release.Name, "error", err)
		r.status.Message += "; the project file can't be read now, so the stage is not rolled back to release " + r.Good.Name + "; `slipway rollback` does that"
		return
	}
	if rule, found := document.File.Rule(r.Stage.Spec.Rule, r.Stage.IsPreview()); found && rule.Rollback == rollbackAuto {
		r.setCondition(v1alpha1.ConditionAutoRollback, "Failed", "the stage is rolled back to release "+r.Good.Name)
		r.status.Message += "; the stage is rolled back to release " + r.Good.Name
	}
}

// file reads the project file that applies to the release.
func (r *run) file(ctx context.Context) (*projectfile.Document, error) {
	head, err := r.fileHead()
	if err != nil {
		return nil, err
	}
	document, _, err := r.Sources.File(ctx, r.Project, head)
	return document, err
}

// recordApproval records in the status who approved.
func (r *run) recordApproval(by []string) {
	if len(by) == 0 {
		return
	}
	r.setCondition(v1alpha1.ConditionApproved, "Approved", "approved by "+strings.Join(by, ", "))
}

// approvedBy returns the approvals in the status as the end of a sentence.
func (r *run) approvedBy() string {
	if c := meta.FindStatusCondition(r.status.Conditions, v1alpha1.ConditionApproved); c != nil {
		return "; " + c.Message
	}
	return ""
}

// setCondition sets a condition of the release to True.
func (r *run) setCondition(kind, reason, message string) {
	meta.SetStatusCondition(&r.status.Conditions, metav1.Condition{
		Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: printable.Passage(message, 1024),
		LastTransitionTime: metav1.Time{Time: r.Now()}, ObservedGeneration: r.Release.Generation,
	})
}

// enter begins a phase and writes that.
func (r *run) enter(ctx context.Context, phase v1alpha1.Phase, message string) error {
	r.mark(phase, message)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err := persist(ctx, r, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.journal.Write(ctx, r.status)
	}, func(error) {}) // the status, which would show it, can't be written
	return err
}

// mark sets the phase without writing it. A phase that is entered again after a
// crash keeps its first time.
func (r *run) mark(phase v1alpha1.Phase, message string) {
	r.status.Message = message
	if n := len(r.status.Timings); n == 0 || r.status.Timings[n-1].Phase != phase {
		r.status.Timings = append(r.status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.MicroTime{Time: r.Now()}})
	}
	r.status.Phase = phase
}
