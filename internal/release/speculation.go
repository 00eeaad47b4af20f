package release

import (
	"context"
	"sync/atomic"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Speculation is the part of a release that touches nothing in the stage's cluster:
// plan, render, guard, and the bundle. It may be done while the release is
// still being made durable, and is thrown away when that fails. What it could
// not do, the release does itself, and says why when it can't either.
type Speculation struct {
	done  chan struct{}
	taken atomic.Bool

	plan      planned
	manifests []byte // nil: it came to nothing
	status    v1alpha1.ReleaseStatus
	origins   origins
}

// NewSpeculation returns what Foresee fills and the release waits for.
func NewSpeculation() *Speculation { return &Speculation{done: make(chan struct{})} }

// Speculate does early what the ordered release will need. Nothing is built for
// it, and nobody waited for who is unavailable. It must be called exactly once for what NewEarly returned.
func (r *Runner) Speculate(ctx context.Context, o Inputs, early *Speculation) {
	defer close(early.done)
	once := *r
	once.UnavailableTimeout = 0
	run := &run{Runner: &once, Inputs: o}
	plan, err := run.plan(ctx)
	if err != nil || len(run.missing()) > 0 {
		return
	}
	manifests, err := run.manifests(ctx, plan)
	if err != nil || run.keep(ctx, manifests) != nil {
		return
	}
	early.plan, early.manifests, early.status, early.origins = plan, manifests, run.status, run.origins
}

// foreseen returns what was done early for a release that begins, nil when
// nothing was. A second run of the release does not take it: it may be old.
func (r *run) foreseen(ctx context.Context) *Speculation {
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
