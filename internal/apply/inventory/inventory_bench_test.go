package inventory

import (
	"fmt"
	"testing"
)

// What reading and writing the inventory of a thousand objects costs.
func BenchmarkThousandEntries(b *testing.B) {
	inventory := &Inventory{Owner: Owner{"acme", "shop", "dev"}, Cluster: "c", Namespace: "ns"}
	for n := range 1000 {
		ref := Ref{Version: "v1", Kind: "ConfigMap", Namespace: "ns", Name: fmt.Sprintf("settings-%04d", n)}
		inventory.Put(Entry{Ref: ref, UID: fmt.Sprintf("%08x-1111-4222-8333-%012x", n*7919, n*104729), Digest: fmt.Sprintf("%022x", n*7919), Fields: "f"})
	}
	key, data, err := inventory.encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		loaded, err := decode(inventory.Owner, key, data)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := loaded.encode(); err != nil {
			b.Fatal(err)
		}
	}
}
