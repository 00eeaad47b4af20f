package release

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Step is what a stage does automatically next.
type Step struct {
	// Trigger is the trigger of the release to make: push, auto-rollback, auto-sleep,
	// auto-wake, or empty for none.
	Trigger v1alpha1.Trigger
	// From is the release that an automatic rollback goes back to, or whose manifests
	// fall asleep or wake.
	From *v1alpha1.Release
	// Because is why a stage falls asleep or wakes, for those who read the release.
	Because string
	// Reason is the code for why pushes are not released automatically, and Message
	// the sentence for people; both are empty when they are released.
	Reason, Message string
}

// The reasons why a stage does not release pushes automatically.
const (
	ReasonPaused      = "Paused"
	ReasonPromotion   = "Promotion"
	ReasonQuarantined = "Quarantined"
	ReasonDiverged    = "Diverged"
	ReasonSkipped     = "Skipped"
)

// Next decides what a stage does automatically. Descends reports whether a commit
// has another in its history; it is called only when a commit is quarantined.
func Next(stage *v1alpha1.Stage, h History, descends func(commit, ancestor string) (bool, error)) (Step, error) {
	if pause := stage.Spec.Pause; pause != nil {
		return Step{Reason: ReasonPaused, Message: fmt.Sprintf("paused by %s%s; `slipway resume %s %s` lets pushes through again",
			pause.By, Because(pause.Reason), stage.Spec.Project, stage.Spec.Name)}, nil
	}
	step, err := nextPush(stage, h, descends)
	if err != nil || step.Trigger != "" {
		return step, err
	}
	if good := autoRollbackTarget(h); good != nil {
		step.Trigger, step.From = v1alpha1.TriggerAutoRollback, good
	}
	return step, nil
}

// nextPush decides whether the wanted head is released.
func nextPush(stage *v1alpha1.Stage, h History, descends func(commit, ancestor string) (bool, error)) (Step, error) {
	wanted := stage.Spec.Wanted
	if from := stage.Spec.PromoteFrom; from != "" {
		return Step{Reason: ReasonPromotion, Message: fmt.Sprintf("takes only releases of stage %s; `slipway promote %s %s`",
			from, stage.Spec.Project, stage.Spec.Name)}, nil
	}
	quarantine := h.Quarantine(stage.Status.Quarantine)
	if quarantine != nil && quarantine.Commit == wanted.Commit {
		return Step{Reason: ReasonQuarantined, Message: quarantineMessage(stage, quarantine)}, nil
	}
	if h.Handling(wanted) != nil {
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
			"commit %.8s is not known to descend from %.8s, which %s; `slipway deploy %s %s` deploys it nevertheless",
			wanted.Commit, quarantine.Commit, QuarantineCause(quarantine), stage.Spec.Project, stage.Spec.Name)}, nil
	}
	return Step{Trigger: v1alpha1.TriggerPush}, nil
}

// New returns the release of a step: it deploys the wanted head, or takes the bundle of
// another release.
func New(stage *v1alpha1.Stage, sequence int64, step Step) *v1alpha1.Release {
	made := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{
			Name:      naming.Release(stage.Name, sequence),
			Namespace: stage.Namespace,
			Labels:    stage.Labels,
		},
		Spec: v1alpha1.ReleaseSpec{
			Project:  stage.Spec.Project,
			Stage:    stage.Name,
			Sequence: sequence,
			Head:     stage.Spec.Wanted,
			Trigger:  step.Trigger,
			Reason:   step.Because,
		},
	}
	if step.From != nil {
		made.Spec.From, made.Spec.Head = step.From.Name, step.From.Spec.Head
	}
	return made
}

// Because returns a reason as the end of a sentence, empty for none.
func Because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// Handling returns the release by which a wanted head was released already, or
// explicitly deployed; nil when there is none, so that one is due. A head whose
// pusher became known only after its release was held is released again. So is a
// head whose release was superseded by a restart or by scaling before it ended.
func (h History) Handling(wanted v1alpha1.Head) *v1alpha1.Release {
	for i := range h {
		r := &h[i]
		deployed := r.Spec.Trigger == v1alpha1.TriggerDeploy && r.Spec.Head.Commit == wanted.Commit &&
			(r.Spec.Head.FileID == "" || r.Spec.Head.FileID == wanted.FileID)
		if !deployed && r.Spec.Trigger != v1alpha1.TriggerPush {
			continue
		}
		overtaken := i > 0 && r.Status.Phase == v1alpha1.PhaseSuperseded && h[i-1].Spec.Trigger.KeepsCommit()
		pusherKnown := i == 0 && !deployed && r.Status.Phase == v1alpha1.PhaseHeld && !SameActors(r.Spec.Head, wanted)
		switch {
		case overtaken && h[i-1].Status.Phase.Done(), pusherKnown:
			return nil
		case overtaken, deployed, r.Spec.Head.Commit == wanted.Commit && r.Spec.Head.FileID == wanted.FileID:
			return r
		}
		return nil
	}
	return nil
}

// SameActors reports whether the same people pushed what two heads are made of.
func SameActors(a, b v1alpha1.Head) bool {
	return a.Actor == b.Actor && a.FileActor == b.FileActor && slices.Equal(a.Secondary, b.Secondary)
}

// autoRollbackTarget returns the release to go back to when the newest one failed
// and its stage is rolled back automatically, nil otherwise.
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
