package apply

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// What an apply of a thousand objects costs this process when none changed:
// splitting and comparing.
func BenchmarkThousandUnchanged(b *testing.B) {
	var stream strings.Builder
	for n := range 1000 {
		stream.WriteString("---\n" + configMap(fmt.Sprintf("settings-%04d", n), "same"))
	}
	set := someSet(stream.String())
	documents, err := desired.Read(set, &inventory.Inventory{})
	if err != nil {
		b.Fatal(err)
	}
	owned, live := &inventory.Inventory{Owner: set.Owner, Cluster: set.Cluster, Namespace: set.Namespace}, map[inventory.Key]*cluster.State{}
	for n, d := range documents {
		uid := fmt.Sprintf("%08x-1111-4222-8333-%012x", n*7919, n*104729)
		owned.Put(inventory.Entry{Ref: d.Ref, UID: uid, Digest: d.Digest, Fields: "f"})
		live[d.Ref.Key()] = &cluster.State{UID: uid, Fields: "f", Applied: true}
	}
	b.ReportAllocs()
	for b.Loop() {
		loaded := *owned
		loaded.Entries = slices.Clone(owned.Entries)
		documents, err := desired.Read(set, &loaded)
		if err != nil {
			b.Fatal(err)
		}
		work, problems := compare(set, documents, &loaded, live)
		if len(problems)+len(work.writes()) != 0 {
			b.Fatalf("%d writes: %v", len(work.writes()), problems)
		}
	}
}
