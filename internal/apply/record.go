package apply

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// recordIntent saves which objects are about to be made, before they are made.
// Without new objects it saves nothing.
func (r *run) recordIntent(ctx context.Context) error {
	needed := false
	for _, c := range r.work.writes() {
		if !c.unrecorded() {
			continue
		}
		needed = true
		if err := c.document.Parse(r.set); err != nil {
			return err
		}
		entry := c.entry
		if !c.known {
			entry = inventory.Entry{Ref: c.document.Ref}
		}
		r.intend(&entry, c)
		entry.Fields, entry.Done, entry.Stale = "", false, false
		if !c.drifted { // what is only made again is found missing after a crash
			entry.Digest = ""
		}
		entry.Replicas = c.replicas(r.minimums[c.document.Ref.Key()])
		r.describe(&entry, c)
		r.inventory.Put(entry)
	}
	if !needed {
		return nil
	}
	if err := r.applier.store.Save(ctx, r.inventory); err != nil {
		return fmt.Errorf("record what will be applied: %w", err)
	}
	return nil
}

// intend marks in an entry which object a change is about to leave: one that is
// made, by an intent that nobody else knows; one that is there, by its UID, unless
// it is still somebody else's. The UID of an object that goes stays until the next
// one's is known.
func (r *run) intend(entry *inventory.Entry, c *change) {
	switch c.action {
	case actionCreate, actionReplace:
		if c.intent == "" {
			c.intent = rand.Text()
		}
		entry.Intent = c.intent
	case actionPatch:
		entry.UID, entry.Intent = c.live.UID, ""
	default:
		entry.UID, entry.Intent = "", ""
	}
}

// describe copies into an entry what its document says about pruning, hooks and
// replicas.
func (r *run) describe(entry *inventory.Entry, c *change) {
	d := c.document
	entry.Ref = d.Ref
	entry.Service, entry.Keep, entry.Once = d.Service(), d.Keep(), d.Once()
	entry.Hook, entry.Scaled = d.Hook(), c.scaled
}

// recordTimeout bounds saving the inventory after a cancelled apply.
const recordTimeout = 10 * time.Second

// recordResult saves what was done, also when the apply was cancelled.
func (r *run) recordResult(ctx context.Context) error {
	dirty := r.dirty
	for _, c := range r.work.changes {
		if c.action == actionNone && c.entry.Stale {
			c.entry.Stale, dirty = false, true
			r.inventory.Put(c.entry)
		}
	}
	for _, entry := range r.work.stale {
		if !entry.Stale && r.repair == nil && !r.isLeft(entry.Service) {
			entry.Stale, dirty = true, true
			r.inventory.Put(entry)
		}
	}
	if !dirty {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	err := r.applier.store.Save(ctx, r.inventory)
	if errors.Is(err, inventory.ErrOutdated) {
		return fault.Wrap(fault.Unavailable, err, "what was applied to %s could not be recorded: the inventory changed meanwhile; it is applied again", r.set.Owner)
	}
	if err != nil {
		return fmt.Errorf("record what was applied: %w", err)
	}
	return nil
}
