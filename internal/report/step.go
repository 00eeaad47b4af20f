package report

import (
	"cmp"
	"regexp"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Step is a phase as people outside see it.
type Step string

// The steps of a release, and those of a head which is not released.
const (
	StepQueued     Step = "queued"
	StepBuilding   Step = "building"
	StepDeploying  Step = "deploying"
	StepLive       Step = "live"
	StepFailed     Step = "failed"
	StepHeld       Step = "held"
	StepSuperseded Step = "superseded"
	StepSkipped    Step = "skipped"
	StepUnchanged  Step = "unchanged"
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

var digest = regexp.MustCompile(`(sha256:[0-9a-f]{8})[0-9a-f]{56}`)

// withShortDigests leaves of digests what distinguishes them: a whole one fills
// half of a status.
func withShortDigests(message string) string { return digest.ReplaceAllString(message, "$1") }
