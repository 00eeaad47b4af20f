package apply

import (
	"context"
	"github.com/slipway-dev/slipway/internal/apply/cause"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Drift compares what is there with what the last apply left, and says which
// objects differ and who changed them. It takes no request for kinds that are
// watched, but one per object that differs. Applying the same set again
// repairs exactly these objects.
func (a *Applier) Drift(ctx context.Context, owner Owner) ([]Drift, error) {
	inventory, err := a.store.Load(ctx, owner)
	if err != nil {
		return nil, err
	}
	var suspects []Entry
	for _, entry := range inventory.Entries {
		if entry.Stale || entry.Hook || entry.Digest == "" {
			continue
		}
		seen, certain := a.client.lookup(entry.Ref)
		if certain && (seen == nil && entry.Once || seen != nil && seen.untouched(entry, entry.Scaled)) {
			continue
		}
		suspects = append(suspects, entry)
	}
	var mutex sync.Mutex
	var drifts []Drift
	problems := each(ctx, suspects, func(ctx context.Context, entry Entry) error {
		meta, err := a.client.get(ctx, entry.Ref)
		if err != nil {
			return explain(entry.Ref, err)
		}
		drift := Drift{Ref: entry.Ref, Kind: DriftDeleted}
		switch {
		case meta == nil && entry.Once:
			return nil
		case meta != nil && observe(entry.Ref, meta).untouched(entry, entry.Scaled):
			return nil
		case meta != nil && string(meta.UID) == entry.UID:
			drift.Kind, drift.Manager = DriftChanged, lastManager(meta)
		}
		mutex.Lock()
		defer mutex.Unlock()
		drifts = append(drifts, drift)
		return nil
	})
	slices.SortFunc(drifts, func(a, b Drift) int { return a.Ref.compare(b.Ref) })
	return drifts, failed(problems)
}

// lastManager returns who else changed an object last, empty when nobody did.
func lastManager(meta *metav1.PartialObjectMetadata) string {
	name, last := "", time.Time{}
	for _, entry := range meta.ManagedFields {
		if isOurs(entry) || entry.Subresource == "status" || entry.Time == nil || entry.Time.Before(&metav1.Time{Time: last}) {
			continue
		}
		name, last = cause.Clip(entry.Manager, 128), entry.Time.Time
	}
	return name
}

// Limits of repairing one object.
const (
	repairsPerWindow = 2
	repairWindow     = time.Minute
	// fightMemory is how long a repair is remembered: an object that needs
	// fightRepairs of them in this time is fought over.
	fightMemory  = 10 * time.Minute
	fightRepairs = 3
)

// ContentionTracker keeps Slipway from writing the same object for ever while somebody
// else keeps changing it: at most two repairs of one object a minute. It is
// safe for concurrent use and remembers nothing longer than ten minutes.
type ContentionTracker struct {
	mutex   sync.Mutex
	repairs map[Key][]time.Time
	swept   time.Time
}

// NewContentionTracker returns an empty memory.
func NewContentionTracker() *ContentionTracker {
	return &ContentionTracker{repairs: map[Key][]time.Time{}}
}

// Verdict is what to do about a drift.
type Verdict struct {
	// Repair says that the object may be repaired now.
	Repair bool
	// Wait is how long to leave it alone otherwise.
	Wait time.Duration
	// Fight says that somebody keeps changing it, which people should know.
	Fight bool
}

// Allow decides about a drift, and counts the repair that it allows.
func (f *ContentionTracker) Allow(drift Drift, now time.Time) Verdict {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.sweep(now)
	key := drift.Ref.Key()
	recent := slices.DeleteFunc(f.repairs[key], func(at time.Time) bool { return now.Sub(at) >= fightMemory })
	verdict := Verdict{Repair: true}
	if n := len(recent); n >= repairsPerWindow {
		if age := now.Sub(recent[n-repairsPerWindow]); age < repairWindow {
			verdict.Repair, verdict.Wait = false, repairWindow-age
		}
	}
	if verdict.Repair {
		recent = append(recent, now)
	}
	verdict.Fight = len(recent) >= fightRepairs || !verdict.Repair
	f.repairs[key] = recent
	return verdict
}

// sweep forgets objects that have been quiet, now and then.
func (f *ContentionTracker) sweep(now time.Time) {
	if now.Sub(f.swept) < fightMemory {
		return
	}
	f.swept = now
	for key, times := range f.repairs {
		if now.Sub(times[len(times)-1]) >= fightMemory {
			delete(f.repairs, key)
		}
	}
}
