package desired

import (
	"bytes"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Read returns the documents of the set.
func Read(set Set, inventory *inventory.Inventory) ([]*Document, error) {
	parts, err := split(set.Manifests)
	if err != nil {
		return nil, err
	}
	return readParts(set, inventory, parts)
}

// readParts parses the documents whose digests are not in the inventory, and
// autoscalers, which say something about other objects.
func readParts(set Set, inventory *inventory.Inventory, parts [][]byte) ([]*Document, error) {
	known := inventory.ByDigest()
	documents := make([]*Document, 0, len(parts))
	for _, part := range parts {
		d := &Document{raw: part, Digest: digestOf(set.Owner, part)}
		entry, same := known[d.Digest]
		if same {
			d.Ref = entry.Ref
		}
		if !same || bytes.Contains(part, []byte("HorizontalPodAutoscaler")) {
			if err := d.Parse(set); err != nil {
				return nil, err
			}
		}
		documents = append(documents, d)
	}
	return documents, nil
}

// ReadApplied returns the documents that were last applied.
func ReadApplied(set Set, inventory *inventory.Inventory, streams [][]byte) ([]*Document, error) {
	known := inventory.ByDigest()
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
