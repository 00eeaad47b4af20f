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
		service("ordered", "build-1", ""), service("built", "build-2", "registry/web@sha256:1"), service("waited", "", ""),
	})
	if diff := cmp.Diff(map[string][]string{"web": {"build-1"}}, h.Begun()); diff != "" {
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
