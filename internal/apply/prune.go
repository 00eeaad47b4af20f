package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	var doomed []inventory.Entry
	for _, entry := range owned.Entries {
		if entry.Stale && !entry.Keep {
			doomed = append(doomed, entry)
		}
	}
	if len(doomed) == 0 {
		return Removal{}, nil
	}
	r := &removal{applier: a, inventory: owned}
	problem := r.delete(ctx, doomed)
	if len(r.removed) > 0 {
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
	removed   []inventory.Key
	result    Removal
}

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
	outcomeGone outcome = iota
	outcomeDeleted
	outcomeForeign
)

// delete deletes entries, group after group from the last to the first, and
// takes what is gone out of the inventory.
func (r *removal) delete(ctx context.Context, doomed []inventory.Entry) error {
	var steps [groups][]inventory.Entry
	for _, entry := range doomed {
		g := groupOf(entry.GroupKind(), entry.Hook)
		steps[g] = append(steps[g], entry)
	}
	for _, entries := range slices.Backward(steps[:]) {
		fates := make(map[inventory.Key]outcome, len(entries))
		answers := make(chan deletion, len(entries))
		problems := cluster.Each(ctx, entries, func(ctx context.Context, entry inventory.Entry) error {
			f, err := r.applier.deleteEntry(ctx, r.inventory.Owner, entry)
			if err == nil {
				answers <- deletion{entry.Ref, f}
			}
			return err
		})
		close(answers)
		for a := range answers {
			fates[a.ref.Key()] = a.outcome
			r.inventory.Remove(a.ref.Key())
			r.removed = append(r.removed, a.ref.Key())
		}
		for _, entry := range entries {
			switch f, ok := fates[entry.Key()]; {
			case ok && f == outcomeDeleted:
				r.result.Deleted = append(r.result.Deleted, entry.Ref)
			case ok && f == outcomeForeign:
				r.result.Left = append(r.result.Left, entry.Ref)
			}
		}
		if err := refusal.Join(problems); err != nil {
			return err
		}
	}
	return nil
}

type deletion struct {
	ref     inventory.Ref
	outcome outcome
}

// deleteEntry deletes a recorded object if it is still the recorded one. An
// entry without a UID was only intended: its object is ours when it carries
// our labels and was applied by us.
func (a *Applier) deleteEntry(ctx context.Context, owner inventory.Owner, entry inventory.Entry) (outcome, error) {
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
	mine := func(s *cluster.State) bool {
		if entry.UID != "" {
			return s.UID == entry.UID && (s.Applied || owner.Owns(s.Labels))
		}
		return s.Applied && owner.Owns(s.Labels)
	}
	deleted, err := a.deleteSeen(ctx, entry.Ref, cluster.StateOf(entry.Ref, meta), mine)
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

// explainUnserved handles an entry whose version the cluster does not serve. When
// another version of the kind is served, its object may still be there.
func (a *Applier) explainUnserved(entry inventory.Entry) error {
	use := a.client.ServedVersion(entry.Kind)
	if use == "" || use == entry.APIVersion() {
		return nil // the kind is gone from the cluster, and its objects with it
	}
	return refusal.New(entry.Ref, cause.VersionNotServed, fault.Conflict, "the cluster no longer serves "+entry.APIVersion()+", with which it was made",
		"apply it once with apiVersion: "+use+", or delete it by hand")
}
