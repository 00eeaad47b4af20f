package runner_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

func TestReleaseWaitsForTheBuildBeforeIt(t *testing.T) {
	f := newFixture(t)
	job := naming.BuildJob("earlier")
	f.running = map[string]int{job: 1}
	o := f.inputs("alice")
	o.EarlierBuilds = map[string][]string{"web": {"gone", job}, "other": {"unrelated"}}
	if err := f.runner().Run(t.Context(), o, f, nil); err != nil {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseSucceeded || len(f.jobs) != 1 || f.running[job] != 0 {
		t.Errorf("phase %s, builds %v, looks left %v", f.status.Phase, f.jobs, f.running)
	}
}

func TestReleaseOvertakenWhileItWaitsBuildsNothing(t *testing.T) {
	f := newFixture(t)
	f.running = map[string]int{naming.BuildJob("earlier"): 1 << 20}
	o := f.inputs("alice")
	o.EarlierBuilds = map[string][]string{"web": {naming.BuildJob("earlier")}}
	ctx, cancel := context.WithCancelCause(t.Context())
	f.stop, f.stopAt = func() { cancel(release.ErrSuperseded) }, 1
	if err := f.runner().Run(ctx, o, f, nil); err != nil && !errors.Is(err, release.ErrSuperseded) {
		t.Fatal(err)
	}
	if f.status.Phase != v1alpha1.PhaseSuperseded || len(f.jobs) != 0 {
		t.Errorf("phase %s, builds %v, want none", f.status.Phase, f.jobs)
	}
	passed := release.NewHistory([]v1alpha1.Release{{Status: f.status}}).UnfinishedBuilds()
	if diff := cmp.Diff(o.EarlierBuilds, passed); diff != "" {
		t.Errorf("the next release does not learn of the build: %s", diff)
	}
}
