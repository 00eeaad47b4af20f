package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Removal is what a prune did.
type Removal struct {
	Deleted []inventory.Ref
	// Left objects have a recorded name but are somebody else's by now.
	Left []inventory.Ref
}

// Prune deletes the stage's objects that its last set did not hold, in the
// reverse order of applying. Call it after that set is known to be good.
func (a *Applier) Prune(ctx context.Context, owner inventory.Owner) (Removal, error) {
	owned, err := a.store.Load(ctx, owner)
	if err != nil {
		return Removal{}, err
	}
	var stale []inventory.Entry
	for _, entry := range owned.Entries {
		if entry.Stale && !entry.Keep {
			stale = append(stale, entry)
		}
	}
	if len(stale) == 0 {
		return Removal{}, nil
	}
	r := &removal{applier: a, inventory: owned}
	problem := r.delete(ctx, stale)
	if r.changed {
		if err := r.save(ctx); problem == nil {
			problem = err
		}
	}
	return r.result, problem
}

// removal deletes recorded objects.
type removal struct {
	applier   *Applier
	inventory *inventory.Inventory
	changed   bool // the inventory differs from the stored one
	result    Removal
}

// save stores the inventory without what was deleted.
func (r *removal) save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := r.applier.store.Save(ctx, r.inventory); err != nil {
		return fmt.Errorf("record what was deleted: %w", err)
	}
	return nil
}

// outcome is what became of one recorded object.
type outcome int

const (
	outcomeGone    outcome = iota // there was no such object
	outcomeDeleted                // it was the recorded one and is deleted
	outcomeForeign                // it is somebody else's by now, and stays
)

// delete deletes the objects of entries, from the last group to the first.
func (r *removal) delete(ctx context.Context, entries []inventory.Entry) error {
	var steps [groups][]inventory.Entry
	for _, entry := range entries {
		g := groupOf(entry.GroupKind(), entry.Hook)
		steps[g] = append(steps[g], entry)
	}
	for _, step := range slices.Backward(steps[:]) {
		if err := r.deleteGroup(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// deleteGroup deletes the objects of one group in parallel, and takes those
// that are gone out of the inventory.
func (r *removal) deleteGroup(ctx context.Context, entries []inventory.Entry) error {
	var mutex sync.Mutex
	outcomes := make(map[inventory.Key]outcome, len(entries))
	problems := cluster.Each(ctx, entries, func(ctx context.Context, entry inventory.Entry) error {
		result, err := r.applier.deleteEntry(ctx, entry)
		if err != nil {
			return err
		}
		mutex.Lock()
		defer mutex.Unlock()
		outcomes[entry.Key()] = result
		return nil
	})
	for _, entry := range entries {
		result, known := outcomes[entry.Key()]
		if !known {
			continue
		}
		r.inventory.Remove(entry.Key())
		r.changed = true
		switch result {
		case outcomeDeleted:
			r.result.Deleted = append(r.result.Deleted, entry.Ref)
		case outcomeForeign:
			r.result.Left = append(r.result.Left, entry.Ref)
		}
	}
	return refusal.Join(problems)
}

// deleteEntry deletes a recorded object if it is still the recorded one.
func (a *Applier) deleteEntry(ctx context.Context, entry inventory.Entry) (outcome, error) {
	meta, err := a.client.Get(ctx, entry.Ref)
	if err != nil {
		var unserved *refusal.ObjectError
		if errors.As(err, &unserved) && unserved.Reason == cause.VersionNotServed {
			return outcomeGone, a.explainUnserved(entry)
		}
		return 0, refusal.Explain(entry.Ref, err)
	}
	if meta == nil {
		return outcomeGone, nil
	}
	isOurs := func(s *cluster.State) bool { return s.IsOf(entry) }
	deleted, err := a.deleteSeen(ctx, entry.Ref, cluster.StateOf(entry.Ref, meta), propagationOf(entry.Ref), isOurs)
	switch {
	case err != nil:
		return 0, err
	case deleted:
		return outcomeDeleted, nil
	}
	if meta, err = a.client.Get(ctx, entry.Ref); err != nil {
		return 0, refusal.Explain(entry.Ref, err)
	}
	if meta == nil {
		return outcomeGone, nil
	}
	return outcomeForeign, nil
}

// explainUnserved returns an error about an entry whose version the cluster
// does not serve while it serves another version of the kind: the object may
// still be there.
func (a *Applier) explainUnserved(entry inventory.Entry) error {
	use := a.client.ServedVersion(entry.Kind)
	if use == "" || use == entry.APIVersion() {
		return nil // the kind is gone from the cluster, and its objects with it
	}
	return refusal.New(entry.Ref, cause.VersionNotServed, fault.Conflict, "the cluster no longer serves "+entry.APIVersion()+", with which it was made",
		"apply it once with apiVersion: "+use+", or delete it by hand")
}
