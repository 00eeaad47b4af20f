package apply

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What an apply of a thousand objects costs this process when none changed:
// splitting and comparing.
func BenchmarkThousandUnchanged(b *testing.B) {
	var stream strings.Builder
	for n := range 1000 {
		stream.WriteString("---\n" + configMap(fmt.Sprintf("settings-%04d", n), "same"))
	}
	set := someSet(stream.String())
	documents, err := readWanted(set, &Inventory{})
	if err != nil {
		b.Fatal(err)
	}
	inventory, live := &Inventory{Owner: set.Owner, Cluster: set.Cluster, Namespace: set.Namespace}, map[Key]*state{}
	for n, d := range documents {
		uid := fmt.Sprintf("%08x-1111-4222-8333-%012x", n*7919, n*104729)
		inventory.put(Entry{Ref: d.ref, UID: uid, Digest: d.digest, Fields: "f"})
		live[d.ref.Key()] = &state{uid: uid, fields: "f", applied: true}
	}
	b.ReportAllocs()
	for b.Loop() {
		loaded := *inventory
		loaded.Entries = slices.Clone(inventory.Entries)
		documents, err := readWanted(set, &loaded)
		if err != nil {
			b.Fatal(err)
		}
		work, err := compare(set, documents, &loaded, live)
		if err != nil || len(work.writes()) != 0 {
			b.Fatalf("%d writes: %v", len(work.writes()), err)
		}
	}
}
