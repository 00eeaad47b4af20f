package apply

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Removal is what a prune or a teardown did.
type Removal struct {
	Deleted []Ref
	// Kept objects hold data, or their manifest says that they stay.
	Kept []Ref
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

// TeardownOptions say what goes with a stage.
type TeardownOptions struct {
	// Data deletes what is kept otherwise: volumes, those of StatefulSets
	// included, and objects whose manifest says that they stay.
	Data bool
}

// Teardown deletes everything that the stage owns, and its inventory once
// nothing is left in it. It may be called again until it succeeds.
func (a *Applier) Teardown(ctx context.Context, owner Owner, options TeardownOptions) (Removal, error) {
	inventory, err := a.store.Load(ctx, owner)
	if err != nil {
		return Removal{}, err
	}
	r := &removal{applier: a, inventory: inventory}
	var doomed []Entry
	for _, entry := range inventory.Entries {
		if options.Data || !entry.Keep {
			doomed = append(doomed, entry)
		} else {
			r.result.Kept = append(r.result.Kept, entry.Ref)
		}
	}
	problem := r.delete(ctx, doomed)
	if problem == nil && options.Data {
		problem = r.deleteClaims(ctx, doomed)
	}
	if problem == nil && len(inventory.Entries) == 0 {
		return r.result, a.store.Delete(ctx, inventory)
	}
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
	use := a.cluster.kinds.suggest(entry.Kind)
	if use == "" || use == entry.APIVersion() {
		return nil // the kind is gone from the cluster, and its objects with it
	}
	return problem(entry.Ref, cause.VersionNotServed, fault.Conflict, "the cluster no longer serves "+entry.APIVersion()+", with which it was made",
		"apply it once with apiVersion: "+use+", or delete it by hand")
}

// deleteClaims deletes the volumes that StatefulSets made from their claim
// templates.
func (r *removal) deleteClaims(ctx context.Context, entries []Entry) error {
	for _, entry := range entries {
		for _, claim := range entry.Claims {
			if err := r.deleteClaim(ctx, entry, claim); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *removal) deleteClaim(ctx context.Context, entry Entry, claim string) error {
	kind := Ref{Version: "v1", Kind: "PersistentVolumeClaim", Namespace: entry.Namespace}
	ordinal := regexp.MustCompile(`^` + regexp.QuoteMeta(claim+"-"+entry.Name) + `-[0-9]+$`)
	var found []*metav1.PartialObjectMetadata
	err := r.applier.client.list(ctx, kind, "", func(meta *metav1.PartialObjectMetadata) {
		if ordinal.MatchString(meta.Name) && carries(meta.Labels, entry.Selector) {
			found = append(found, meta.DeepCopy())
		}
	})
	if err != nil {
		return explain(kind, err)
	}
	for _, meta := range found {
		ref := kind
		ref.Name = meta.Name
		uid := string(meta.UID)
		deleted, err := r.applier.deleteSeen(ctx, ref, observe(ref, meta), func(s *state) bool { return s.uid == uid })
		if err != nil {
			return err
		}
		if deleted {
			r.result.Deleted = append(r.result.Deleted, ref)
		}
	}
	return nil
}

func carries(labels, wanted map[string]string) bool {
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return true
}
