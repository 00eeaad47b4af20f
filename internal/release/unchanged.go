package release

import "github.com/slipway-dev/slipway/internal/api/v1alpha1"

// Move is a stage whose ref, or whose project file, has a head that the stage was
// not released at.
type Move struct {
	Stage *v1alpha1.Stage
	Head  v1alpha1.Head
}

// Baseline returns the release that a new head of the stage is compared with: when
// the head makes the same manifests and images, there is nothing to release. It is
// nil when the head is released whatever it changes:
//
//   - a stage that takes promotions only has no content of its own head;
//   - another commit was deployed since, which a push replaces;
//   - the release of the wanted head has no bundle, is held or was superseded;
//   - it failed, and whoever pushes again wants another try. Where it was rolled
//     back its commit is quarantined, and so is what equals it.
func Baseline(stage *v1alpha1.Stage, h History) *v1alpha1.Release {
	wanted := stage.Spec.Wanted
	r := h.Handling(wanted)
	if r == nil || stage.Spec.PromoteFrom != "" || r.Status.Bundle == "" {
		return nil
	}
	if last := h.LastDeploy(); last == nil || last.Name != r.Name {
		return nil
	}
	switch r.Status.Phase {
	case v1alpha1.PhaseHeld, v1alpha1.PhaseSuperseded:
		return nil
	case v1alpha1.PhaseFailed:
		if q := h.Quarantine(stage.Status.Quarantine); q == nil || q.Commit != wanted.Commit {
			return nil
		}
	}
	return r
}

// HasHead reports whether it was found before that a head leaves the stage as it
// is. That holds until the stage's wanted head changes, whatever happens to what
// was compared then: nothing but a new commit makes a release.
func HasHead(stage *v1alpha1.Stage, h History, known *v1alpha1.UnchangedHead, head v1alpha1.Head) bool {
	if known == nil || known.Commit != head.Commit || known.FileID != head.FileID {
		return false
	}
	r := h.Handling(stage.Spec.Wanted)
	return r != nil && r.Name == known.Release
}
