package inventory

import (
	"slices"
)

// Inventory is the exact set of objects that a stage owns.
type Inventory struct {
	Owner     Owner
	Cluster   string
	Namespace string
	// Entries are sorted by group, kind, namespace and name.
	Entries []Entry

	// version is the stored inventory's resource version, empty while it is
	// not stored. Saving over another version is a conflict.
	version string
}

// Entry is one owned object.
type Entry struct {
	Ref
	// UID is the object's; empty while the object is only intended. While it is
	// about to be replaced, it is that of the object that goes.
	UID string
	// Intent is what an object carries that was made for the entry, until its UID
	// is recorded: nobody else can have known it before.
	Intent string
	// Digest identifies the document that was last applied; empty when that
	// is unknown.
	Digest string
	// Fields identifies the set of fields that Slipway owned after the last
	// apply.
	Fields string
	// Service is the project's service the object belongs to.
	Service string
	// Stale objects are in no manifest any more and wait to be pruned.
	Stale bool
	// Keep says that pruning leaves the object alone.
	Keep bool
	// Hook marks a Job that runs once and is waited for, Done that it completed.
	Hook bool
	Done bool
	// Once says that the object may vanish by itself.
	Once bool
	// Replicas is the spec.replicas that was last sent, nil for none.
	Replicas *int32
	// OwnsReplicas says that Slipway owned spec.replicas after the last apply.
	OwnsReplicas bool
	// Scaled says that an autoscaler of the stage owned spec.replicas.
	Scaled bool
}

// find returns the place of an object in the sorted entries.
func (i *Inventory) find(key Key) (int, bool) {
	return slices.BinarySearchFunc(i.Entries, key, func(e Entry, k Key) int {
		return e.Ref.Compare(Ref{Group: k.Group, Kind: k.Kind, Namespace: k.Namespace, Name: k.Name})
	})
}

// Lookup returns the entry of an object.
func (i *Inventory) Lookup(key Key) (Entry, bool) {
	at, ok := i.find(key)
	if !ok {
		return Entry{}, false
	}
	return i.Entries[at], true
}

// Put adds or replaces an entry.
func (i *Inventory) Put(entry Entry) {
	at, ok := i.find(entry.Key())
	if ok {
		i.Entries[at] = entry
		return
	}
	i.Entries = slices.Insert(i.Entries, at, entry)
}

// Remove forgets an object.
func (i *Inventory) Remove(key Key) {
	if at, ok := i.find(key); ok {
		i.Entries = slices.Delete(i.Entries, at, at+1)
	}
}

// ByDigest finds entries by the document that was last applied.
func (i *Inventory) ByDigest() map[string]Entry {
	entries := make(map[string]Entry, len(i.Entries))
	for _, entry := range i.Entries {
		if entry.Digest != "" {
			entries[entry.Digest] = entry
		}
	}
	return entries
}

// sort puts entries into their order; used once after reading.
func (i *Inventory) sort() {
	slices.SortFunc(i.Entries, func(a, b Entry) int { return a.Compare(b.Ref) })
}

// Stale returns the objects that pruning would delete.
func (i *Inventory) Stale() []Ref {
	var stale []Ref
	for _, entry := range i.Entries {
		if entry.Stale && !entry.Keep {
			stale = append(stale, entry.Ref)
		}
	}
	return stale
}
