package release

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Step is what a stage does by itself next.
type Step struct {
	// Trigger is that of the release to make: push, return, or empty for none.
	Trigger v1alpha1.Trigger
	// From is the release that a return goes back to.
	From *v1alpha1.Release
	// Reason names for machines why pushes are not released by themselves, and
	// Message says it to people; both are empty when they are.
	Reason, Message string
}

// The reasons why a stage does nothing by itself.
const (
	ReasonPaused      = "Paused"
	ReasonPromotion   = "Promotion"
	ReasonQuarantined = "Quarantined"
	ReasonDiverged    = "Diverged"
	ReasonSkipped     = "Skipped"
)

// Next decides what a stage does by itself. Descends says whether a commit has
// another in its history; it is only asked when something is quarantined.
func Next(stage *v1alpha1.Stage, h History, descends func(commit, ancestor string) (bool, error)) (Step, error) {
	if pause := stage.Spec.Pause; pause != nil {
		return Step{Reason: ReasonPaused, Message: fmt.Sprintf("paused by %s%s; `slipway resume %s %s` lets pushes through again",
			pause.By, because(pause.Reason), stage.Spec.Project, stage.Spec.Name)}, nil
	}
	step, err := push(stage, h, descends)
	if err != nil || step.Trigger != "" {
		return step, err
	}
	if good := autoRollbackTarget(h); good != nil {
		step.Trigger, step.From = v1alpha1.TriggerAutoRollback, good
	}
	return step, nil
}

// push decides whether the wanted head is released.
func push(stage *v1alpha1.Stage, h History, descends func(commit, ancestor string) (bool, error)) (Step, error) {
	wanted := stage.Spec.Wanted
	if from := stage.Spec.PromoteFrom; from != "" {
		return Step{Reason: ReasonPromotion, Message: fmt.Sprintf("takes only what was released to stage %s; `slipway promote %s %s`",
			from, stage.Spec.Project, stage.Spec.Name)}, nil
	}
	quarantine := h.Quarantine(stage.Status.Quarantine)
	if quarantine != nil && quarantine.Commit == wanted.Commit {
		return Step{Reason: ReasonQuarantined, Message: quarantined(stage, quarantine)}, nil
	}
	if handled(h, wanted) {
		return Step{}, nil
	}
	if wanted.Skip {
		return Step{Reason: ReasonSkipped, Message: fmt.Sprintf("commit %.8s says [skip slipway], so it is not released; `slipway deploy %s %s` releases it",
			wanted.Commit, stage.Spec.Project, stage.Spec.Name)}, nil
	}
	if quarantine == nil {
		return Step{Trigger: v1alpha1.TriggerPush}, nil
	}
	fixed, err := descends(wanted.Commit, quarantine.Commit)
	if err != nil {
		return Step{}, fmt.Errorf("compare commit %.8s with the quarantined %.8s: %w", wanted.Commit, quarantine.Commit, err)
	}
	if !fixed {
		return Step{Reason: ReasonDiverged, Message: fmt.Sprintf(
			"commit %.8s is not known to descend from %.8s, which %s; `slipway deploy %s %s` deploys it all the same",
			wanted.Commit, quarantine.Commit, wentBack(quarantine), stage.Spec.Project, stage.Spec.Name)}, nil
	}
	return Step{Trigger: v1alpha1.TriggerPush}, nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// handled reports whether a wanted head was released, or explicitly deployed,
// already. A head whose pusher became known only after its release was held is
// released again, and so is one whose release gave way to a restart or scaling
// before it was decided.
func handled(h History, wanted v1alpha1.Head) bool {
	for i, r := range h {
		deployed := r.Spec.Trigger == v1alpha1.TriggerDeploy && r.Spec.Head.Commit == wanted.Commit &&
			(r.Spec.Head.FileID == "" || r.Spec.Head.FileID == wanted.FileID)
		if !deployed && r.Spec.Trigger != v1alpha1.TriggerPush {
			continue
		}
		if i > 0 && r.Status.Phase == v1alpha1.PhaseSuperseded && h[i-1].Spec.Trigger.KeepsCommit() {
			return !h[i-1].Status.Phase.Done()
		}
		if deployed {
			return true
		}
		if i == 0 && r.Status.Phase == v1alpha1.PhaseHeld && r.Spec.Head.Actor != wanted.Actor {
			return false
		}
		return r.Spec.Head.Commit == wanted.Commit && r.Spec.Head.FileID == wanted.FileID
	}
	return false
}

// autoRollbackTarget returns the release to go back to after the newest one failed, nil
// when nothing is to be done.
func autoRollbackTarget(h History) *v1alpha1.Release {
	if len(h) == 0 || !h[0].Status.Phase.Done() || !meta.IsStatusConditionTrue(h[0].Status.Conditions, v1alpha1.ConditionAutoRollback) {
		return nil
	}
	good := h[1:].Good()
	if good == nil || good.Status.Bundle == "" {
		return nil
	}
	return good
}
