package apply

import (
	"slices"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

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
	repairs map[inventory.Key][]time.Time
	swept   time.Time
}

// NewContentionTracker returns an empty memory.
func NewContentionTracker() *ContentionTracker {
	return &ContentionTracker{repairs: map[inventory.Key][]time.Time{}}
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
func (f *ContentionTracker) Allow(drift inventory.Drift, now time.Time) Verdict {
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
