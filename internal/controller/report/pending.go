package report

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
)

// reportMemory keeps what was last reported of releases, which the watch cache
// may not show yet, and of heads without a release. All can be lost: a release's status
// says the step.
type reportMemory struct{ known *lru.Cache } // types.UID of a release or stage → reportedState

// reportedState is what was last reported: of a stage, message is the commit that
// has no release, and why where that changes.
type reportedState struct {
	step    report.Step
	message string
}

// maxReported bounds the memory of reports.
const maxReported = 8192

func newReportMemory() reportMemory { return reportMemory{lru.New(maxReported)} }

func (m reportMemory) get(id types.UID) reportedState {
	known, _ := m.known.Get(id)
	state, _ := known.(reportedState)
	return state
}

func (m reportMemory) set(id types.UID, known reportedState) { m.known.Add(id, known) }

// pendingRelease is a release to be reported; latest says that no newer one has
// its commit.
type pendingRelease struct {
	release *v1alpha1.Release
	latest  bool
}

// pending returns the releases whose step isn't reported, oldest first, so that
// the newest is reported last.
func (r *Reconciler) pending(releases []v1alpha1.Release) []pendingRelease {
	newer := map[string]bool{} // commits of newer releases
	var pending []pendingRelease
	for i := range releases { // newest first
		rel := &releases[i]
		if release.IsRefused(rel) || rel.Spec.Trigger.Rests() { // the commit stays as it was reported
			continue
		}
		if r.changed(rel) {
			pending = append(pending, pendingRelease{release: rel, latest: !newer[rel.Spec.Head.Commit]})
		}
		newer[rel.Spec.Head.Commit] = true
	}
	slices.Reverse(pending)
	return pending
}

// changed reports whether a release has something to report: another step than
// the one last reported, or another reason why it is held.
func (r *Reconciler) changed(rel *v1alpha1.Release) bool {
	now, known := report.StepOf(report.PhaseOf(rel)), r.memory.get(rel.UID)
	if now == report.StepHeld && known.step == "" && report.StepOf(rel.Status.Reported) == now {
		known.step, known.message = now, rel.Status.Message // as an earlier server reported it
		r.memory.set(rel.UID, known)
	}
	if now == report.StepHeld && known.step == now {
		return known.message != rel.Status.Message
	}
	return now != "" && now != known.step && now != report.StepOf(rel.Status.Reported)
}

// unreleased is a head that has no release, and what is known to have been reported of
// it: the commit, and why where that changes.
type unreleased struct {
	of    func(*v1alpha1.Project, *v1alpha1.Stage) report.Release
	known string
}

// unreleasedOf returns the stage's head that has no release and isn't reported yet:
// its commit is skipped, or it waits for the stage to be taken down; nil for none.
func (r *Reconciler) unreleasedOf(stage *v1alpha1.Stage) *unreleased {
	var found *unreleased
	if ending := report.Ending(stage); ending != "" {
		found = &unreleased{report.EndingOf, stage.Annotations[naming.AnnotationWantedAgain] + " " + ending}
	} else if report.Skipped(stage) != "" {
		found = &unreleased{report.SkippedOf, stage.Spec.Wanted.Commit}
	}
	if found == nil || r.memory.get(stage.UID).message == found.known {
		return nil
	}
	return found
}
