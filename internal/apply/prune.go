package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Removal is what a prune did.
type Removal struct {
	Deleted []Ref
	// Left objects have a recorded name but are somebody else's by now.
	Left []Ref
}

// Prune deletes the stage's objects that its last set did not hold, in the
// reverse order of applying. Call it after that set is known to be good.
func (a *Applier) Prune(ctx context.Context, owner Owner) (Removal, error) {
	inventory, err := a.store.Load(ctx, owner)
	if err != nil {
		return Removal{}, err
	}
	var doomed []Entry
	for _, entry := range inventory.Entries {
		if entry.Stale && !entry.Keep {
			doomed = append(doomed, entry)
		}
	}
	if len(doomed) == 0 {
		return Removal{}, nil
	}
	r := &removal{applier: a, inventory: inventory}
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
	inventory *Inventory
	removed   []Key
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

// fate is what became of one recorded object.
type fate int

const (
	fateGone fate = iota
	fateDeleted
	fateForeign
)

// delete deletes entries, group after group from the last to the first, and
// takes what is gone out of the inventory.
func (r *removal) delete(ctx context.Context, doomed []Entry) error {
	var steps [groups][]Entry
	for _, entry := range doomed {
		g := groupOf(entry.groupKind(), entry.Hook)
		steps[g] = append(steps[g], entry)
	}
	for _, entries := range slices.Backward(steps[:]) {
		fates := make(map[Key]fate, len(entries))
		answers := make(chan answer, len(entries))
		problems := each(ctx, entries, func(ctx context.Context, entry Entry) error {
			f, err := r.applier.deleteEntry(ctx, r.inventory.Owner, entry)
			if err == nil {
				answers <- answer{entry.Ref, f}
			}
			return err
		})
		close(answers)
		for a := range answers {
			fates[a.ref.Key()] = a.fate
			r.inventory.remove(a.ref.Key())
			r.removed = append(r.removed, a.ref.Key())
		}
		for _, entry := range entries {
			switch f, ok := fates[entry.Key()]; {
			case ok && f == fateDeleted:
				r.result.Deleted = append(r.result.Deleted, entry.Ref)
			case ok && f == fateForeign:
				r.result.Left = append(r.result.Left, entry.Ref)
			}
		}
		if err := failed(problems); err != nil {
			return err
		}
	}
	return nil
}

type answer struct {
	ref  Ref
	fate fate
}

// deleteEntry deletes a recorded object if it is still the recorded one. An
// entry without a UID was only intended: its object is ours when it carries
// our labels and was applied by us.
func (a *Applier) deleteEntry(ctx context.Context, owner Owner, entry Entry) (fate, error) {
	meta, err := a.client.get(ctx, entry.Ref)
	if err != nil {
		var unserved *ObjectError
		if errors.As(err, &unserved) && unserved.Reason == cause.VersionNotServed {
			return fateGone, a.orphaned(entry)
		}
		return 0, explain(entry.Ref, err)
	}
	if meta == nil {
		return fateGone, nil
	}
	mine := func(s *state) bool {
		if entry.UID != "" {
			return s.uid == entry.UID && (s.applied || owner.owns(s.labels))
		}
		return s.applied && owner.owns(s.labels)
	}
	deleted, err := a.deleteSeen(ctx, entry.Ref, observe(entry.Ref, meta), mine)
	switch {
	case err != nil:
		return 0, err
	case deleted:
		return fateDeleted, nil
	}
	if meta, err = a.client.get(ctx, entry.Ref); err != nil {
		return 0, explain(entry.Ref, err)
	}
	if meta == nil {
		return fateGone, nil
	}
	return fateForeign, nil
}

// orphaned handles an entry whose version the cluster does not serve. When
// another version of the kind is served, its object may still be there.
func (a *Applier) orphaned(entry Entry) error {
	use := a.client.servedVersion(entry.Kind)
	if use == "" || use == entry.APIVersion() {
		return nil // the kind is gone from the cluster, and its objects with it
	}
	return problem(entry.Ref, cause.VersionNotServed, fault.Conflict, "the cluster no longer serves "+entry.APIVersion()+", with which it was made",
		"apply it once with apiVersion: "+use+", or delete it by hand")
}
