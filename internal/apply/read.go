package apply

import (
	"bytes"

	"github.com/slipway-dev/slipway/internal/fault"
)

// readWanted returns the documents of the set.
func readWanted(set Set, inventory *Inventory) ([]*document, error) {
	parts, err := split(set.Manifests)
	if err != nil {
		return nil, err
	}
	return readParts(set, inventory, parts)
}

// readParts parses the documents that are not known to be the same as last
// time, and those that say something about others.
func readParts(set Set, inventory *Inventory, parts [][]byte) ([]*document, error) {
	known := inventory.byDigest()
	documents := make([]*document, 0, len(parts))
	for _, part := range parts {
		d := &document{raw: part, digest: digestOf(set.Owner, part)}
		entry, same := known[d.digest]
		if same {
			d.ref = entry.Ref
		}
		if !same || bytes.Contains(part, []byte("HorizontalPodAutoscaler")) {
			if err := d.parse(set); err != nil {
				return nil, err
			}
		}
		documents = append(documents, d)
	}
	return documents, nil
}

// readApplied returns the documents that were last applied.
func readApplied(set Set, inventory *Inventory, streams [][]byte) ([]*document, error) {
	known := inventory.byDigest()
	var applied [][]byte
	for _, stream := range streams {
		parts, err := split(stream)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			digest := digestOf(set.Owner, part)
			entry, found := known[digest]
			if !found || entry.Stale || entry.Hook {
				continue
			}
			delete(known, digest)
			applied = append(applied, part)
		}
	}
	if len(applied) == 0 {
		return nil, fault.New(fault.NotFound, "the manifests that were applied to %s are not kept any more; deploy it again", set.Owner)
	}
	return readParts(set, inventory, applied)
}
