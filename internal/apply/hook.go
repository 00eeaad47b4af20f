package apply

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
)

// hookDeadline bounds a release Job.
const hookDeadline = 10 * time.Minute

// runHooks applies Jobs that run once and waits until each completed. It leaves a Job
// alone that completed with the same document before, and runs one again that
// failed.
func (r *run) runHooks(ctx context.Context, changes []*change) error {
	if err := r.replaceFailedJobs(ctx, changes); err != nil {
		return err
	}
	pending := make([]*change, 0, len(changes))
	for _, c := range changes {
		if c.action != actionNone {
			pending = append(pending, c)
		}
	}
	if err := r.writeAll(ctx, pending); err != nil {
		return err
	}
	return refusal.Join(cluster.Each(ctx, changes, func(ctx context.Context, c *change) error {
		if err := r.applier.ready.WaitForJob(ctx, c.document.Ref, hookDeadline); err != nil {
			return err
		}
		r.recordCompletion(c)
		return nil
	}))
}

// runInTurn runs Jobs, those that wait for others after them. A circle runs at
// once.
func (r *run) runInTurn(ctx context.Context, changes []*change) error {
	for len(changes) > 0 {
		waiting := map[string]bool{}
		for _, c := range changes {
			waiting[c.document.Service()] = true
		}
		isDue := func(c *change) bool {
			return !slices.ContainsFunc(c.document.After(), func(service string) bool { return waiting[service] })
		}
		due := slices.DeleteFunc(slices.Clone(changes), func(c *change) bool { return !isDue(c) })
		if len(due) == 0 {
			due = changes
		}
		if err := r.runHooks(ctx, due); err != nil {
			return err
		}
		changes = slices.DeleteFunc(slices.Clone(changes), func(c *change) bool { return slices.Contains(due, c) })
	}
	return nil
}

// replaceFailedJobs marks Jobs that failed to be replaced.
func (r *run) replaceFailedJobs(ctx context.Context, changes []*change) error {
	var mutex sync.Mutex
	return refusal.Join(cluster.Each(ctx, changes, func(ctx context.Context, c *change) error {
		if c.live == nil || c.live.Deleting || c.action != actionNone && c.action != actionPatch {
			return nil
		}
		failed, err := r.applier.ready.JobFailed(ctx, c.document.Ref)
		if err != nil || !failed {
			return err
		}
		if err := c.document.Parse(r.set); err != nil {
			return err
		}
		mutex.Lock()
		defer mutex.Unlock()
		c.action = actionReplace
		return r.recordReplacement(ctx, c)
	}))
}

// recordCompletion records that a Job did its work.
func (r *run) recordCompletion(c *change) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	entry, ok := r.inventory.Lookup(c.document.Ref.Key())
	if !ok {
		return
	}
	entry.Done = true
	r.inventory.Put(entry)
	r.dirty = true
}
