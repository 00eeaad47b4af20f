package runner_test

import (
	"context"
	"io/fs"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release/runner"
	"github.com/slipway-dev/slipway/internal/render"
)

// counting counts renders and refuses the first few.
type counting struct {
	renders int
	refuse  int
}

func (c *counting) Render(ctx context.Context, tree fs.FS, request render.Request) (render.Result, error) {
	c.renders++
	if c.renders <= c.refuse {
		return render.Result{}, fault.New(fault.Unavailable, "no worker is free")
	}
	return renderer{}.Render(ctx, tree, request)
}

// A speculation is done once; the release does what the speculation could not do.
func TestSpeculationIsTakenOver(t *testing.T) {
	tests := map[string]struct {
		actor   string
		built   bool // before the release
		refuse  int
		renders int
		phase   v1alpha1.Phase
	}{
		"taken over":     {actor: "alice", built: true, renders: 1, phase: v1alpha1.PhaseSucceeded},
		"a build misses": {actor: "alice", renders: 1, phase: v1alpha1.PhaseSucceeded},
		"nobody could":   {actor: "alice", built: true, refuse: 1, renders: 2, phase: v1alpha1.PhaseSucceeded},
		"nobody may":     {actor: "bob", built: true, renders: 0, phase: v1alpha1.PhaseHeld},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if tt.built {
				if err := f.run(t.Context(), "alice"); err != nil {
					t.Fatal(err)
				}
				f.status, f.applies, f.applied = v1alpha1.ReleaseStatus{}, 0, nil
				clear(f.bundles)
			}
			counts := &counting{refuse: tt.refuse}
			r := f.runner()
			r.Renderer = counts
			inputs := f.inputs(tt.actor)
			speculation := runner.NewSpeculation()
			r.Speculate(t.Context(), inputs, speculation)
			if f.applies != 0 || f.writes != 0 && !tt.built {
				t.Fatalf("the speculation applied %d times and wrote %d times", f.applies, f.writes)
			}
			if err := r.Run(t.Context(), inputs, f, speculation); err != nil {
				t.Fatal(err)
			}
			if f.status.Phase != tt.phase || counts.renders != tt.renders {
				t.Errorf("phase %s after %d renders, want %s after %d: %s", f.status.Phase, counts.renders, tt.phase, tt.renders, f.status.Message)
			}
			if tt.phase == v1alpha1.PhaseSucceeded && (f.applies != 1 || f.bundles[f.status.BundleDigest] == nil || len(f.status.Services) != 2) {
				t.Errorf("%d applies, %d bundles, status %+v", f.applies, len(f.bundles), f.status)
			}
		})
	}
}

// A release that was stopped before does not take the speculation again.
func TestSpeculationIsTakenOnce(t *testing.T) {
	f := newFixture(t)
	if err := f.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	f.status = v1alpha1.ReleaseStatus{}
	counts := &counting{}
	r := f.runner()
	r.Renderer = counts
	inputs := f.inputs("alice")
	speculation := runner.NewSpeculation()
	r.Speculate(t.Context(), inputs, speculation)
	ctx, cancel := context.WithCancel(t.Context())
	f.writes, f.stop, f.stopAt = 0, cancel, 1
	if err := r.Run(ctx, inputs, f, speculation); err == nil {
		t.Fatal("the run was not stopped")
	}
	f.stopAt, f.status = 0, v1alpha1.ReleaseStatus{}
	if err := r.Run(t.Context(), inputs, f, speculation); err != nil {
		t.Fatal(err)
	}
	if counts.renders != 2 {
		t.Errorf("%d renders, want one by the speculation and one by the second run", counts.renders)
	}
}
