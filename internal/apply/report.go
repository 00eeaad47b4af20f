package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Report is what an apply did.
type Report struct {
	Created  []Ref
	Changed  []Ref
	Replaced []Ref
	Adopted  []Ref
	// Repaired objects were changed or deleted by somebody else although
	// their documents did not change; they are in no other list.
	Repaired  []Ref
	Unchanged int
	// Stale objects are in no manifest any more; Prune deletes them.
	Stale []Ref
	// Taken are fields that somebody else had set and Slipway set back; Left
	// are an autoscaler's.
	Taken []Conflict
	Left  []Conflict
	// Warnings are the API server's, such as of a version that will go away.
	Warnings []string
	// Targets are the objects that Wait waits for.
	Targets []Target
}

// maxWarnings bounds what a report repeats.
const maxWarnings = 20

// after adds what earlier looks of the same apply did, which this one found
// done.
func (r Report) after(earlier Report) Report {
	for _, list := range []struct{ mine, theirs *[]Ref }{
		{&r.Created, &earlier.Created}, {&r.Changed, &earlier.Changed}, {&r.Replaced, &earlier.Replaced},
		{&r.Adopted, &earlier.Adopted}, {&r.Repaired, &earlier.Repaired},
	} {
		for _, ref := range *list.theirs {
			if !slices.Contains(*list.mine, ref) {
				*list.mine = append(*list.mine, ref)
				r.Unchanged = max(0, r.Unchanged-1)
			}
		}
		slices.SortFunc(*list.mine, Ref.compare)
	}
	r.Taken = append(earlier.Taken, r.Taken...)
	r.Left = append(earlier.Left, r.Left...)
	for _, warning := range earlier.Warnings {
		if len(r.Warnings) < maxWarnings && !slices.Contains(r.Warnings, warning) {
			r.Warnings = append(r.Warnings, warning)
		}
	}
	return r
}

// done notes that a change was made.
func (r *run) done(c *change, meta *metav1.PartialObjectMetadata, warnings []string) {
	ref := c.document.ref
	s := observe(ref, meta)
	entry := Entry{Ref: ref, UID: s.uid, Digest: c.document.digest, Fields: s.fields, OwnsReplicas: s.replicas}
	entry.Replicas = c.replicas(r.minimums[ref.Key()])
	if c.known && c.entry.UID == s.uid {
		entry.Done = c.entry.Done && c.entry.Digest == c.document.digest
	}
	r.describe(&entry, c)

	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.inventory.put(entry)
	r.dirty = true
	r.applier.client.note(ref, s)
	for _, warning := range warnings {
		if len(r.report.Warnings) < maxWarnings && !slices.Contains(r.report.Warnings, warning) {
			r.report.Warnings = append(r.report.Warnings, warning)
		}
	}
	r.report.Taken = append(r.report.Taken, c.taken...)
	r.report.Left = append(r.report.Left, c.left...)
	switch {
	case c.drifted:
		r.report.Repaired = append(r.report.Repaired, ref)
	case c.action == actionPatch && s.version == c.live.version:
		r.report.Unchanged++
	case c.action == actionCreate:
		r.report.Created = append(r.report.Created, ref)
	case c.action == actionReplace:
		r.report.Replaced = append(r.report.Replaced, ref)
	case c.action == actionAdopt:
		r.report.Adopted = append(r.report.Adopted, ref)
	default:
		r.report.Changed = append(r.report.Changed, ref)
	}
}

// summarise fills what is known once everything else is done.
func (r *run) summarise() {
	for _, list := range [][]Ref{r.report.Created, r.report.Changed, r.report.Replaced, r.report.Adopted, r.report.Repaired} {
		slices.SortFunc(list, Ref.compare)
	}
	for _, c := range r.work.changes {
		if c.action == actionNone {
			r.report.Unchanged++
		}
		if entry, ok := r.inventory.Lookup(c.document.ref.Key()); ok && !entry.Hook && watchable(entry.groupKind()) {
			r.report.Targets = append(r.report.Targets, Target{Ref: entry.Ref, Service: entry.Service})
		}
	}
	r.report.Stale = r.inventory.Stale()
}
