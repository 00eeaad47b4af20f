package runner

import (
	"context"
	"sync/atomic"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/release"
)

// Speculation is the part of a release that changes nothing on the stage's
// cluster: plan, render, guard, and the bundle. It runs while the release is still
// being made durable, and is dropped when that fails. The release itself repeats
// whatever the speculation could not do, and reports the reason when that fails
// too.
type Speculation struct {
	done  chan struct{}
	taken atomic.Bool

	plan      planned
	manifests []byte // nil when the speculation failed
	status    v1alpha1.ReleaseStatus
	origins   origins
}

// NewSpeculation returns a Speculation for Speculate to fill and Run to wait for.
func NewSpeculation() *Speculation { return &Speculation{done: make(chan struct{})} }

// Speculate prepares a release that is about to exist. It builds nothing and waits
// for nothing that is unavailable. It must be called exactly once for each
// Speculation.
func (r *Runner) Speculate(ctx context.Context, o release.Inputs, s *Speculation) {
	defer close(s.done)
	once := *r
	once.UnavailableTimeout = 0
	run := &run{Runner: &once, Inputs: o}
	plan, err := run.plan(ctx)
	if err != nil || len(run.missing()) > 0 {
		return
	}
	manifests, err := run.manifests(ctx, plan)
	if err != nil || run.keepManifests(ctx, plan, manifests) != nil {
		return
	}
	s.plan, s.manifests, s.status, s.origins = plan, manifests, run.status, run.origins
}

// takeSpeculation returns the finished speculation when the release begins, nil
// when there is none. Only the first run takes it, because it may be outdated
// later.
func (r *run) takeSpeculation(ctx context.Context) *Speculation {
	if r.speculation == nil || r.status.Phase != "" || r.speculation.taken.Swap(true) {
		return nil
	}
	select {
	case <-r.speculation.done:
	case <-ctx.Done():
		return nil
	}
	if r.speculation.manifests == nil {
		return nil
	}
	return r.speculation
}
