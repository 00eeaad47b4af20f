package apply

import (
	"fmt"
	"testing"
)

// What an apply of a thousand objects costs this process when none changed:
// reading the inventory, splitting, comparing, and writing the inventory.
func BenchmarkThousandUnchanged(b *testing.B) {
	set := testSet("")
	inventory := &Inventory{Owner: set.Owner, Cluster: set.Cluster, Namespace: set.Namespace}
	live := map[Key]*state{}
	stream := ""
	for n := range 1000 {
		manifest := configMap(fmt.Sprintf("settings-%04d", n), "same")
		stream += "---\n" + manifest
		ref := Ref{Version: "v1", Kind: "ConfigMap", Namespace: set.Namespace, Name: fmt.Sprintf("settings-%04d", n)}
		uid := fmt.Sprintf("%08x-1111-4222-8333-%012x", n*7919, n*104729)
		inventory.put(Entry{Ref: ref, UID: uid, Digest: digestOf(set.Owner, []byte(manifest)), Fields: "f"})
		live[ref.Key()] = &state{uid: uid, fields: "f", applied: true}
	}
	set.Manifests = []byte(stream)
	key, data, err := inventory.encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		loaded, err := decodeInventory(set.Owner, key, data)
		if err != nil {
			b.Fatal(err)
		}
		documents, err := readWanted(set, loaded)
		if err != nil {
			b.Fatal(err)
		}
		work, err := compare(set, documents, loaded, live)
		if err != nil || len(work.writes()) != 0 {
			b.Fatalf("%d writes: %v", len(work.writes()), err)
		}
		if _, _, err := loaded.encode(); err != nil {
			b.Fatal(err)
		}
	}
}
