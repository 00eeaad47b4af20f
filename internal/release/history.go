package release

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// History is the releases of a stage that count, newest first: all except those
// that people requested and that were refused or are not decided yet.
type History []v1alpha1.Release

// NewHistory returns the releases of a stage that count.
func NewHistory(all []v1alpha1.Release) History {
	h := make(History, 0, len(all))
	for _, r := range all {
		if !IsAsked(&r) && !IsRefused(&r) {
			h = append(h, r)
		}
	}
	slices.SortFunc(h, func(a, b v1alpha1.Release) int { return cmp.Compare(b.Spec.Sequence, a.Spec.Sequence) })
	return h
}

// HistoryOf returns the releases that count for a stage. Releases of an earlier
// stage of the same name may still exist; they don't count.
func HistoryOf(stage *v1alpha1.Stage, all []v1alpha1.Release) History {
	return slices.DeleteFunc(NewHistory(all), func(r v1alpha1.Release) bool { return !Belongs(&r, stage) })
}

// Belongs reports whether a release is of this stage, and not of another one of
// the same name.
func Belongs(r *v1alpha1.Release, stage *v1alpha1.Stage) bool {
	owner := metav1.GetControllerOf(r)
	return owner == nil || owner.UID == stage.UID
}

// IsAsked reports whether a person requested a release and it is not decided yet
// whether it may begin.
func IsAsked(r *v1alpha1.Release) bool {
	return r.Spec.Trigger.Asked() && meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionAccepted) == nil
}

// IsRefused reports whether a release that a person requested was refused.
func IsRefused(r *v1alpha1.Release) bool {
	return r.Spec.Trigger.Asked() && meta.IsStatusConditionFalse(r.Status.Conditions, v1alpha1.ConditionAccepted)
}

// NextNumber returns the number of the stage's next release, given all of its
// releases. Refused releases keep their numbers but don't raise it, so that
// requests can't use up the numbers of a stage.
func NextNumber(stage *v1alpha1.Stage, all []v1alpha1.Release) int64 {
	taken := map[int64]bool{}
	next := stage.Status.Sequence + 1
	for _, r := range all {
		taken[r.Spec.Sequence] = true
	}
	for _, r := range NewHistory(all) {
		next = max(next, r.Spec.Sequence+1)
	}
	for taken[next] {
		next++
	}
	return next
}

// Good returns the newest release that succeeded, nil when none did.
func (h History) Good() *v1alpha1.Release { return h.first(isGood) }

// isGood reports whether a release succeeded. That nothing runs proves nothing, so one
// that put its stage to sleep did not.
func isGood(r *v1alpha1.Release) bool {
	return r.Status.Phase == v1alpha1.PhaseSucceeded && !r.Spec.Trigger.Sleeps()
}

// LastDeploy returns the newest release that deployed a commit, nil when none
// did.
func (h History) LastDeploy() *v1alpha1.Release {
	return h.first(func(r *v1alpha1.Release) bool { return r.Spec.Trigger.DeploysCommit() })
}

// Pushed returns the newest release that a push made, nil when none did.
func (h History) Pushed() *v1alpha1.Release {
	return h.first(func(r *v1alpha1.Release) bool { return r.Spec.Trigger == v1alpha1.TriggerPush })
}

// Named returns the release with a name, nil when there is none.
func (h History) Named(name string) *v1alpha1.Release {
	return h.first(func(r *v1alpha1.Release) bool { return r.Name == name })
}

// Before returns the history before a release.
func (h History) Before(r *v1alpha1.Release) History {
	return slices.DeleteFunc(slices.Clone(h), func(other v1alpha1.Release) bool { return other.Spec.Sequence >= r.Spec.Sequence })
}

func (h History) first(is func(*v1alpha1.Release) bool) *v1alpha1.Release {
	for i := range h {
		if is(&h[i]) {
			return &h[i]
		}
	}
	return nil
}

// Present returns the release whose manifests the stage has now, as far as it
// was applied: the newest one that came to applying, else the newest; nil for an
// empty history.
func (h History) Present() *v1alpha1.Release {
	if present := h.first(func(r *v1alpha1.Release) bool { return CameToApplying(r.Status) }); present != nil || len(h) == 0 {
		return present
	}
	return &h[0]
}

// RollbackTarget returns the release that a stage goes back to when nobody
// names one: the newest before the present one that succeeded with other
// manifests than the present one's, and whose commit is quarantined neither by
// the releases nor by known, which is what the stage's status says. It is nil
// when there is none.
func (h History) RollbackTarget(known *v1alpha1.Quarantine) *v1alpha1.Release {
	present := h.Present()
	if present == nil {
		return nil
	}
	quarantined := func(commit string) bool {
		return slices.ContainsFunc([]*v1alpha1.Quarantine{known, h.Quarantine(known)}, func(q *v1alpha1.Quarantine) bool { return q != nil && q.Commit == commit })
	}
	return h.Before(present).first(func(r *v1alpha1.Release) bool {
		return isGood(r) && r.Status.Bundle != "" && r.Status.BundleDigest != present.Status.BundleDigest && !quarantined(r.Spec.Head.Commit)
	})
}

// CameToApplying reports whether a release began to change what runs in its
// stage: it entered the phase Applying, whatever became of it.
func CameToApplying(status v1alpha1.ReleaseStatus) bool {
	return slices.ContainsFunc(status.Timings, func(t v1alpha1.PhaseTime) bool { return t.Phase == v1alpha1.PhaseApplying })
}

// UnfinishedBuilds returns the Jobs of builds that releases started or waited for
// and did not see the end of, by service, newest first.
func (h History) UnfinishedBuilds() map[string][]string {
	builds := map[string][]string{}
	for _, release := range h {
		for _, service := range release.Status.Services {
			known := slices.Contains(builds[service.Name], service.Job)
			if service.Job != "" && service.Image == "" && !known {
				builds[service.Name] = append(builds[service.Name], service.Job)
			}
		}
	}
	return builds
}
