package apply

import (
	"context"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Drift returns the objects that differ from what the last apply left, and who
// changed them. For kinds that are watched it takes one request per object that
// differs. Repair brings exactly these objects back.
func (a *Applier) Drift(ctx context.Context, owner inventory.Owner) ([]inventory.Drift, error) {
	owned, err := a.store.Load(ctx, owner)
	if err != nil {
		return nil, err
	}
	var suspects []inventory.Entry
	for _, entry := range owned.Entries {
		if entry.Stale || entry.Hook || entry.Digest == "" {
			continue
		}
		seen, certain := a.client.Lookup(entry.Ref)
		if certain && (seen == nil && entry.Once || seen != nil && seen.Untouched(entry, entry.Scaled)) {
			continue
		}
		suspects = append(suspects, entry)
	}
	var mutex sync.Mutex
	var drifts []inventory.Drift
	problems := cluster.Each(ctx, suspects, func(ctx context.Context, entry inventory.Entry) error {
		meta, err := a.client.Get(ctx, entry.Ref)
		if err != nil {
			return refusal.Explain(entry.Ref, err)
		}
		drift := inventory.Drift{Ref: entry.Ref, Kind: inventory.DriftDeleted}
		switch {
		case meta == nil && entry.Once:
			return nil
		case meta != nil && cluster.StateOf(entry.Ref, meta).Untouched(entry, entry.Scaled):
			return nil
		case meta != nil && string(meta.UID) == entry.UID:
			drift.Kind, drift.Manager = inventory.DriftChanged, lastManager(meta)
		}
		mutex.Lock()
		defer mutex.Unlock()
		drifts = append(drifts, drift)
		return nil
	})
	slices.SortFunc(drifts, func(a, b inventory.Drift) int { return a.Ref.Compare(b.Ref) })
	return drifts, refusal.Join(problems)
}

// lastManager returns the other field manager that changed an object last,
// empty when there is none.
func lastManager(meta *metav1.PartialObjectMetadata) string {
	name, last := "", time.Time{}
	for _, entry := range meta.ManagedFields {
		if cluster.IsOurs(entry) || entry.Subresource == "status" || entry.Time == nil || entry.Time.Before(&metav1.Time{Time: last}) {
			continue
		}
		name, last = printable.Excerpt(entry.Manager, 128), entry.Time.Time
	}
	return name
}
