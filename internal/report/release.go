package report

import (
	"cmp"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Step is a phase as a forge shows it.
type Step string

// The steps of a release at a forge.
const (
	StepQueued     Step = "queued"
	StepBuilding   Step = "building"
	StepDeploying  Step = "deploying"
	StepLive       Step = "live"
	StepFailed     Step = "failed"
	StepHeld       Step = "held"
	StepSuperseded Step = "superseded"
)

// PhaseOf returns a release's phase; one that waits for its turn is pending.
func PhaseOf(rel *v1alpha1.Release) v1alpha1.Phase {
	return cmp.Or(rel.Status.Phase, v1alpha1.PhasePending)
}

// StepOf returns the step of a phase, empty for none.
func StepOf(phase v1alpha1.Phase) Step {
	switch phase {
	case v1alpha1.PhasePending:
		return StepQueued
	case v1alpha1.PhaseBuilding:
		return StepBuilding
	case v1alpha1.PhaseRendering, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying:
		return StepDeploying
	case v1alpha1.PhaseSucceeded:
		return StepLive
	case v1alpha1.PhaseFailed:
		return StepFailed
	case v1alpha1.PhaseHeld:
		return StepHeld
	case v1alpha1.PhaseSuperseded:
		return StepSuperseded
	}
	return ""
}

// state returns the step in the words of commit statuses.
func (s Step) state() scm.State {
	switch s {
	case StepLive:
		return scm.StateSuccess
	case StepFailed:
		return scm.StateFailure
	case StepSuperseded:
		return scm.StateError
	}
	return scm.StatePending
}

// phase returns the step in the words of deployments, empty for none: what is
// held may never be one.
func (s Step) phase() scm.Phase {
	switch s {
	case StepBuilding, StepDeploying:
		return scm.PhaseRunning
	case StepLive:
		return scm.PhaseLive
	case StepFailed:
		return scm.PhaseFailed
	case StepSuperseded:
		return scm.PhaseGone
	}
	return ""
}

// describe puts a step and what the release says into one line. It begins with
// the step, once.
func (s Step) describe(message string) string {
	if message == "" || strings.HasPrefix(message, string(s)) {
		message = strings.TrimPrefix(strings.TrimPrefix(message, string(s)), ": ")
	}
	if message == "" {
		return string(s)
	}
	return scm.Describe(string(s)+": "+withShortDigests(message), scm.MaxDescription)
}

// withShortDigests leaves of digests what tells them apart: a whole one fills
// half of a status.
func withShortDigests(message string) string {
	return regexp.MustCompile(`(sha256:[0-9a-f]{8})[0-9a-f]{56}`).ReplaceAllString(message, "$1")
}

// Report is what is told of a release.
type Report struct {
	ID         types.UID
	Status     *scm.Status     // nil when a newer release has the word
	Deployment *scm.Deployment // nil for none
}

// Of puts a release into a forge's words.
func Of(p *v1alpha1.Project, stage *v1alpha1.Stage, one PendingRelease) Report {
	rel, at := one.Release, StepOf(PhaseOf(one.Release))
	said := at.describe(rel.Status.Message)
	if rel.Status.Phase == "" {
		said = at.describe("waits for its turn")
	}
	told := Report{ID: rel.UID}
	if one.Status {
		told.Status = &scm.Status{
			Repository: p.Primary().Path, Commit: rel.Spec.Head.Commit, Context: scm.Context(stage.Spec.Name),
			State: at.state(), Description: said, URL: linkOf(stage, rel),
		}
	}
	if phase := at.phase(); phase != "" && !(at == StepSuperseded && StepOf(rel.Status.Reported).phase() == "") {
		told.Deployment = &scm.Deployment{
			Release: rel.Namespace + "/" + rel.Name, Repository: p.Primary().Path, Commit: rel.Spec.Head.Commit, Ref: stage.Spec.Ref,
			Stage: stage.Spec.Name, Preview: stage.Spec.PullRequest != 0, Phase: phase, Description: said, URL: linkOf(stage, rel),
		}
	}
	return told
}

// linkOf returns where a release can be seen: its own address, or the stage's.
func linkOf(stage *v1alpha1.Stage, rel *v1alpha1.Release) string {
	if rel.Status.URL != "" {
		return rel.Status.URL
	}
	return stage.Status.URL
}
