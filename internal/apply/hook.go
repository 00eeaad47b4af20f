package apply

import (
	"context"
	"sync"
	"time"
)

// hookDeadline bounds a release Job.
const hookDeadline = 10 * time.Minute

// runHooks applies release Jobs and waits until each completed. A Job that
// completed with the same document before is left alone; one that failed runs
// again.
func (r *run) runHooks(ctx context.Context, changes []*change) error {
	if err := r.restart(ctx, changes); err != nil {
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
	return failed(each(ctx, changes, func(ctx context.Context, c *change) error {
		if err := r.applier.views.completed(ctx, c.document.ref, hookDeadline); err != nil {
			return err
		}
		r.completed(c)
		return nil
	}))
}

// restart turns Jobs that exist as they should be, but failed, into ones to be
// replaced.
func (r *run) restart(ctx context.Context, changes []*change) error {
	var mutex sync.Mutex
	return failed(each(ctx, changes, func(ctx context.Context, c *change) error {
		if c.live == nil || c.live.deleting || c.action != actionNone && c.action != actionPatch {
			return nil
		}
		failed, err := r.applier.views.jobFailed(ctx, c.document.ref)
		if err != nil || !failed {
			return err
		}
		if err := c.document.parse(r.set); err != nil {
			return err
		}
		mutex.Lock()
		defer mutex.Unlock()
		c.action = actionReplace
		return r.intendAgain(ctx, c)
	}))
}

// completed notes that a release Job did its work.
func (r *run) completed(c *change) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	entry, ok := r.inventory.Lookup(c.document.ref.Key())
	if !ok {
		return
	}
	entry.Done = true
	r.inventory.put(entry)
	r.dirty = true
}
