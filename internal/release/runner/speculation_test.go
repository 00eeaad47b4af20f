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

// What is done early is done once; what could not be done early is done by the
// release.
func TestEarlyWorkIsTakenOver(t *testing.T) {
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
			w := newWorld(t)
			if tt.built {
				if err := w.run(t.Context(), "alice"); err != nil {
					t.Fatal(err)
				}
				w.status, w.applies, w.applied = v1alpha1.ReleaseStatus{}, 0, nil
				clear(w.bundles)
			}
			counts := &counting{refuse: tt.refuse}
			r := w.runner()
			r.Renderer = counts
			order := w.order(tt.actor)
			early := runner.NewSpeculation()
			r.Speculate(t.Context(), order, early)
			if w.applies != 0 || w.writes != 0 && !tt.built {
				t.Fatalf("early work applied %d times and wrote %d times", w.applies, w.writes)
			}
			if err := r.Run(t.Context(), order, w, early); err != nil {
				t.Fatal(err)
			}
			if w.status.Phase != tt.phase || counts.renders != tt.renders {
				t.Errorf("phase %s after %d renders, want %s after %d: %s", w.status.Phase, counts.renders, tt.phase, tt.renders, w.status.Message)
			}
			if tt.phase == v1alpha1.PhaseSucceeded && (w.applies != 1 || w.bundles[w.status.BundleDigest] == nil || len(w.status.Services) != 2) {
				t.Errorf("%d applies, %d bundles, status %+v", w.applies, len(w.bundles), w.status)
			}
		})
	}
}

// A release that was stopped takes nothing that was done early before.
func TestEarlyWorkIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	if err := w.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	w.status = v1alpha1.ReleaseStatus{}
	counts := &counting{}
	r := w.runner()
	r.Renderer = counts
	order := w.order("alice")
	early := runner.NewSpeculation()
	r.Speculate(t.Context(), order, early)
	ctx, cancel := context.WithCancel(t.Context())
	w.writes, w.stop, w.stopAt = 0, cancel, 1
	if err := r.Run(ctx, order, w, early); err == nil {
		t.Fatal("the run was not stopped")
	}
	w.stopAt, w.status = 0, v1alpha1.ReleaseStatus{}
	if err := r.Run(t.Context(), order, w, early); err != nil {
		t.Fatal(err)
	}
	if counts.renders != 2 {
		t.Errorf("%d renders, want one early and one by the second run", counts.renders)
	}
}
