package inventory

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"

	"github.com/slipway-dev/slipway/internal/fault"
)

// The stored form: a ConfigMap with the key "inventory.json" in data, or,
// once that is larger than plainLimit, "inventory.json.gz" in binaryData. An
// entry takes about 180 bytes plain and 75 compressed, so the 1 MiB of a
// ConfigMap holds well over the objects a set may have.
const (
	plainKey      = "inventory.json"
	compressedKey = "inventory.json.gz"
	plainLimit    = 32 << 10
	storedLimit   = 900 << 10
	readLimit     = 16 << 20
	storedFormat  = 1
)

type storedInventory struct {
	Format       int           `json:"format"`
	Organization string        `json:"organization"`
	Project      string        `json:"project"`
	Stage        string        `json:"stage"`
	Cluster      string        `json:"cluster"`
	Namespace    string        `json:"namespace"`
	Objects      []storedEntry `json:"objects"`
}

type storedEntry struct {
	Group        string `json:"g,omitempty"`
	Version      string `json:"v"`
	Kind         string `json:"k"`
	Name         string `json:"n"`
	Cluster      bool   `json:"cluster,omitempty"` // cluster-scoped
	UID          string `json:"uid,omitempty"`
	Intent       string `json:"i,omitempty"`
	Digest       string `json:"d,omitempty"`
	Fields       string `json:"f,omitempty"`
	Service      string `json:"s,omitempty"`
	Stale        bool   `json:"stale,omitempty"`
	Keep         bool   `json:"keep,omitempty"`
	Hook         bool   `json:"hook,omitempty"`
	Done         bool   `json:"done,omitempty"`
	Once         bool   `json:"once,omitempty"`
	Replicas     *int32 `json:"r,omitempty"`
	OwnsReplicas bool   `json:"or,omitempty"`
	Scaled       bool   `json:"scaled,omitempty"`
}

// encode returns the ConfigMap key and bytes of an inventory, and whether
// they are compressed.
func (i *Inventory) encode() (key string, data []byte, err error) {
	stored := storedInventory{
		Format: storedFormat, Organization: i.Owner.Organization, Project: i.Owner.Project, Stage: i.Owner.Stage,
		Cluster: i.Cluster, Namespace: i.Namespace, Objects: make([]storedEntry, len(i.Entries)),
	}
	for at, e := range i.Entries {
		stored.Objects[at] = storedEntry{
			Group: e.Group, Version: e.Version, Kind: e.Kind, Name: e.Name, Cluster: e.Namespace == "",
			UID: e.UID, Intent: e.Intent, Digest: e.Digest, Fields: e.Fields, Service: e.Service, Stale: e.Stale, Keep: e.Keep,
			Hook: e.Hook, Done: e.Done, Once: e.Once, Replicas: e.Replicas, OwnsReplicas: e.OwnsReplicas, Scaled: e.Scaled,
		}
	}
	plain, err := json.Marshal(stored)
	if err != nil {
		return "", nil, fmt.Errorf("encode the inventory of %s: %w", i.Owner, err)
	}
	if len(plain) <= plainLimit {
		return plainKey, plain, nil
	}
	data, err = compress(plain)
	if err != nil {
		return "", nil, fmt.Errorf("compress the inventory of %s: %w", i.Owner, err)
	}
	if len(data) > storedLimit {
		return "", nil, fault.New(fault.Invalid, "the inventory of %s (%d objects) is %d KiB, more than the %d KiB that can be stored; split the stage", i.Owner, len(i.Entries), len(data)>>10, storedLimit>>10)
	}
	return compressedKey, data, nil
}

func compress(plain []byte) ([]byte, error) {
	var out bytes.Buffer
	writer, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := writer.Write(plain); err != nil {
		return nil, err
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func decompress(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(reader, readLimit+1))
	if err != nil {
		return nil, err
	}
	if len(plain) > readLimit {
		return nil, fmt.Errorf("more than %d MiB", readLimit>>20)
	}
	return plain, nil
}

// decode reads the stored form. A stored inventory that can't be
// read is an error, never an empty inventory: that would orphan everything.
func decode(owner Owner, key string, data []byte) (*Inventory, error) {
	if key == compressedKey {
		plain, err := decompress(data)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the inventory of %s is damaged; restore its ConfigMap %s/%s from a backup", owner, owner.namespace(), owner.inventory())
		}
		data = plain
	}
	var stored storedInventory
	if err := json.Unmarshal(data, &stored); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "the inventory of %s is damaged; restore its ConfigMap %s/%s from a backup", owner, owner.namespace(), owner.inventory())
	}
	if stored.Format != storedFormat {
		return nil, fault.New(fault.Internal, "the inventory of %s has format %d, and this version reads %d; run the newer version", owner, stored.Format, storedFormat)
	}
	if (Owner{stored.Organization, stored.Project, stored.Stage}) != owner {
		return nil, fault.New(fault.Internal, "ConfigMap %s/%s holds the inventory of stage %s of project %s, not of %s", owner.namespace(), owner.inventory(), stored.Stage, stored.Project, owner)
	}
	inventory := &Inventory{Owner: owner, Cluster: stored.Cluster, Namespace: stored.Namespace, Entries: make([]Entry, len(stored.Objects))}
	for at, s := range stored.Objects {
		namespace := stored.Namespace
		if s.Cluster {
			namespace = ""
		}
		inventory.Entries[at] = Entry{
			Ref: Ref{Group: s.Group, Version: s.Version, Kind: s.Kind, Namespace: namespace, Name: s.Name},
			UID: s.UID, Intent: s.Intent, Digest: s.Digest, Fields: s.Fields, Service: s.Service, Stale: s.Stale, Keep: s.Keep,
			Hook: s.Hook, Done: s.Done, Once: s.Once, Replicas: s.Replicas, OwnsReplicas: s.OwnsReplicas, Scaled: s.Scaled,
		}
	}
	inventory.sort()
	return inventory, nil
}
