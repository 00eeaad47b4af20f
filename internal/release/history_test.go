package release_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/releasetest"
)

func TestBegun(t *testing.T) {
	service := func(hash, job, image string) v1alpha1.Release {
		return v1alpha1.Release{Status: v1alpha1.ReleaseStatus{Services: []v1alpha1.ReleaseService{{Name: "web", InputHash: hash, Job: job, Image: image}}}}
	}
	h := release.NewHistory([]v1alpha1.Release{
		service("started", "build-1", ""), service("built", "build-2", "registry/web@sha256:1"), service("waited", "", ""),
	})
	if diff := cmp.Diff(map[string][]string{"web": {"build-1"}}, h.UnfinishedBuilds()); diff != "" {
		t.Error(diff)
	}
}

func TestNextNumber(t *testing.T) {
	tests := map[string]struct {
		past  []v1alpha1.Release
		known int64
		want  int64
	}{
		"the first":             {nil, 0, 1},
		"after two":             {releasetest.Past("push a good", "push b good"), 2, 3},
		"the status is behind":  {releasetest.Past("push a good", "push b good"), 1, 3},
		"history is forgotten":  {nil, 7, 8},
		"asked for":             {releasetest.Past("push a good", "rollback a asked"), 1, 3},
		"refused keeps its own": {releasetest.Past("push a good", "rollback a refused", "push b good"), 1, 4},
		"refused, far away": {func() []v1alpha1.Release {
			far := releasetest.Past("push a good", "rollback a refused")
			far[1].Spec.Sequence = 1_000_000_000
			return far
		}(), 1, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			stage := &v1alpha1.Stage{Status: v1alpha1.StageStatus{Sequence: tt.known}}
			if got := release.NextNumber(stage, tt.past); got != tt.want {
				t.Errorf("NextNumber = %d, want %d", got, tt.want)
			}
		})
	}
}

// The last good release, the present one and the one to go back to, of one
// history.
func TestHistory(t *testing.T) {
	tests := map[string]struct {
		past                  []string
		known                 *v1alpha1.Quarantine // what the stage's status says
		good, present, target string
	}{
		"nothing":                               {},
		"the first":                             {past: []string{"push a good"}, good: "r1", present: "r1"},
		"the second":                            {past: []string{"push a good", "push b good"}, good: "r2", present: "r2", target: "r1"},
		"one that changed nothing":              {past: []string{"push a good", "push b good", "push c failed"}, good: "r2", present: "r2", target: "r1"},
		"one that failed half-way":              {past: []string{"push a good", "push b good", "push c broken"}, good: "r2", present: "r3", target: "r2"},
		"one that is being applied":             {past: []string{"push a good", "push b runs"}, good: "r1", present: "r2", target: "r1"},
		"nothing was ever applied":              {past: []string{"push a failed", "push b held"}, present: "r2"},
		"superseded ones never ran":             {past: []string{"push a good", "push b superseded", "push c good", "push d superseded"}, good: "r3", present: "r3", target: "r1"},
		"asked for, not decided":                {past: []string{"push a good", "push b good", "rollback a asked"}, good: "r2", present: "r2", target: "r1"},
		"refused":                               {past: []string{"push a good", "push b good", "rollback a refused"}, good: "r2", present: "r2", target: "r1"},
		"the same manifests again":              {past: []string{"push a good", "push b good", "push b good"}, good: "r3", present: "r3", target: "r1"},
		"only the same manifests":               {past: []string{"push a good", "restart a good"}, good: "r2", present: "r2"},
		"back from a quarantined commit":        {past: []string{"push a good", "push b good", "push c good", "rollback b good"}, good: "r4", present: "r4", target: "r1"},
		"quarantined, as only the status knows": {past: []string{"rollback a good", "restart b good", "restart c good"}, known: &v1alpha1.Quarantine{Commit: releasetest.Commit("b"), Release: "r0"}, good: "r3", present: "r3", target: "r1"},
		"the status still says a quarantine that a later commit ended": {past: []string{"push a good", "push b good", "rollback a good", "push c good"}, known: &v1alpha1.Quarantine{Commit: releasetest.Commit("a"), Release: "r0"}, good: "r4", present: "r4", target: "r2"},
		"automatic, after the newest commit broke":                     {past: []string{"push a good", "push b broken returns", "auto-rollback a good"}, good: "r3", present: "r3"},
	}
	name := func(r *v1alpha1.Release) string {
		if r == nil {
			return ""
		}
		return r.Name
	}
	for title, tt := range tests {
		t.Run(title, func(t *testing.T) {
			h := release.NewHistory(releasetest.Past(tt.past...))
			got := [3]string{name(h.Good()), name(h.Present()), name(h.RollbackTarget(tt.known))}
			if diff := cmp.Diff([3]string{tt.good, tt.present, tt.target}, got); diff != "" {
				t.Errorf("good, present, target: %s", diff)
			}
		})
	}
}

func TestCameToApplying(t *testing.T) {
	tests := map[string]struct {
		phases []v1alpha1.Phase
		want   bool
	}{
		"nothing yet":         {nil, false},
		"failed before":       {[]v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseRendering, v1alpha1.PhaseFailed}, false},
		"applies":             {[]v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseApplying}, true},
		"superseded half-way": {[]v1alpha1.Phase{v1alpha1.PhaseApplying, v1alpha1.PhaseSuperseded}, true},
		"went through":        {[]v1alpha1.Phase{v1alpha1.PhasePending, v1alpha1.PhaseApplying, v1alpha1.PhaseVerifying, v1alpha1.PhaseSucceeded}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var status v1alpha1.ReleaseStatus
			for _, phase := range tt.phases {
				status.Phase = phase
				status.Timings = append(status.Timings, v1alpha1.PhaseTime{Phase: phase})
			}
			if got := release.CameToApplying(status); got != tt.want {
				t.Errorf("CameToApplying = %v, want %v", got, tt.want)
			}
		})
	}
}
