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
	w := newWorld(t)
	job := naming.BuildJob("earlier")
	w.running = map[string]int{job: 1}
	o := w.order("alice")
	o.EarlierBuilds = map[string][]string{"web": {"gone", job}, "other": {"unrelated"}}
	if err := w.runner().Run(t.Context(), o, w, nil); err != nil {
		t.Fatal(err)
	}
	if w.status.Phase != v1alpha1.PhaseSucceeded || len(w.jobs) != 1 || w.running[job] != 0 {
		t.Errorf("phase %s, builds %v, looks left %v", w.status.Phase, w.jobs, w.running)
	}
}

func TestReleaseOvertakenWhileItWaitsBuildsNothing(t *testing.T) {
	w := newWorld(t)
	w.running = map[string]int{naming.BuildJob("earlier"): 1 << 20}
	o := w.order("alice")
	o.EarlierBuilds = map[string][]string{"web": {naming.BuildJob("earlier")}}
	ctx, cancel := context.WithCancelCause(t.Context())
	w.stop, w.stopAt = func() { cancel(release.ErrSuperseded) }, 1
	if err := w.runner().Run(ctx, o, w, nil); err != nil && !errors.Is(err, release.ErrSuperseded) {
		t.Fatal(err)
	}
	if w.status.Phase != v1alpha1.PhaseSuperseded || len(w.jobs) != 0 {
		t.Errorf("phase %s, builds %v, want none", w.status.Phase, w.jobs)
	}
	passed := release.NewHistory([]v1alpha1.Release{{Status: w.status}}).UnfinishedBuilds()
	if diff := cmp.Diff(o.EarlierBuilds, passed); diff != "" {
		t.Errorf("the next release does not learn of the build: %s", diff)
	}
}
