package apply

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/ready"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
)

// Report is what an apply did.
type Report struct {
	Created  []inventory.Ref
	Changed  []inventory.Ref
	Replaced []inventory.Ref
	Adopted  []inventory.Ref
	// Repaired objects were changed or deleted by somebody else although
	// their documents did not change; they are in no other list.
	Repaired  []inventory.Ref
	Unchanged int
	// Stale objects are in no manifest any more; Prune deletes them.
	Stale []inventory.Ref
	// Taken are fields that somebody else had set and Slipway set back; Left
	// are an autoscaler's.
	Taken []refusal.Conflict
	Left  []refusal.Conflict
	// Warnings are those of the API server, such as about a deprecated version.
	Warnings []string
	// Targets are the objects that Wait waits for.
	Targets []ready.Target
}

// maxWarnings bounds what a report repeats.
const maxWarnings = 20

// merge adds what earlier attempts at the same apply did. This attempt counted
// their objects as unchanged.
func (r Report) merge(earlier Report) Report {
	for _, list := range []struct{ these, those *[]inventory.Ref }{
		{&r.Created, &earlier.Created}, {&r.Changed, &earlier.Changed}, {&r.Replaced, &earlier.Replaced},
		{&r.Adopted, &earlier.Adopted}, {&r.Repaired, &earlier.Repaired},
	} {
		for _, ref := range *list.those {
			if !slices.Contains(*list.these, ref) {
				*list.these = append(*list.these, ref)
				r.Unchanged = max(0, r.Unchanged-1)
			}
		}
		slices.SortFunc(*list.these, inventory.Ref.Compare)
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

// recordChange puts a change that was made into the inventory and the report.
func (r *run) recordChange(c *change, meta *metav1.PartialObjectMetadata, warnings []string) {
	ref := c.document.Ref
	s := cluster.StateOf(ref, meta)
	entry := inventory.Entry{Ref: ref, UID: s.UID, Digest: c.document.Digest, Fields: s.Fields, OwnsReplicas: s.Replicas}
	entry.Replicas = c.replicas(r.minimums[ref.Key()])
	if c.known && c.entry.UID == s.UID {
		entry.Done = c.entry.Done && c.entry.Digest == c.document.Digest
	}
	r.describe(&entry, c)

	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.inventory.Put(entry)
	r.dirty = true
	r.applier.client.Record(ref, s)
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
	case c.action == actionPatch && s.Version == c.live.Version:
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

// addTarget adds an object to those that become ready; nobody waits for one that is
// left as it was.
func (r *run) addTarget(c *change, left bool) {
	entry, ok := r.inventory.Lookup(c.document.Ref.Key())
	if !ok || entry.Hook || !ready.Watchable(entry.GroupKind()) || left && entry.UID == "" {
		return
	}
	r.report.Targets = append(r.report.Targets, ready.Target{Ref: entry.Ref, Service: entry.Service, Vanishes: entry.Once, Left: left})
}

// summarise fills the parts of the report that concern the whole set.
func (r *run) summarise() {
	for _, list := range [][]inventory.Ref{r.report.Created, r.report.Changed, r.report.Replaced, r.report.Adopted, r.report.Repaired} {
		slices.SortFunc(list, inventory.Ref.Compare)
	}
	for _, c := range r.work.changes {
		if c.action == actionNone {
			r.report.Unchanged++
		}
		if c.action != actionNone || !c.finished() {
			r.addTarget(c, false)
		}
	}
	for _, c := range r.work.withheld {
		r.addTarget(c, true)
	}
	r.report.Stale = r.inventory.Stale()
}
