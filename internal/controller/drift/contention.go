package drift

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// Limits of repairing one object.
const (
	repairsPerWindow = 2
	repairWindow     = time.Minute
	// repairMemory is how long a repair is remembered: an object that needed
	// contendedRepairs of them in this time is contended.
	repairMemory     = 10 * time.Minute
	contendedRepairs = 3
)

// ContentionTracker keeps Slipway from writing the same object for ever while
// somebody else keeps changing it: it allows two repairs of one object a
// minute. It is safe for concurrent use and remembers a repair for ten
// minutes.
type ContentionTracker struct {
	mutex   sync.Mutex      // makes reading and writing one object's repairs one step
	repairs *cache.Expiring // of []time.Time by inventory.Key
}

// NewContentionTracker returns a tracker that has seen no repair.
func NewContentionTracker() *ContentionTracker { return newContentionTracker(clock.RealClock{}) }

// newContentionTracker returns a tracker whose memory ends by a clock.
func newContentionTracker(memory clock.Clock) *ContentionTracker {
	return &ContentionTracker{repairs: cache.NewExpiringWithClock(memory)}
}

// Verdict is what to do about a drift.
type Verdict struct {
	// Repair says that the object may be repaired now.
	Repair bool
	// Wait is how long to leave it alone otherwise.
	Wait time.Duration
	// Contended says that somebody keeps changing the object, which people
	// should know.
	Contended bool
}

// Allow decides about a drift, and counts the repair that it allows.
func (t *ContentionTracker) Allow(drift inventory.Drift, now time.Time) Verdict {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	key := drift.Ref.Key()
	recent := t.since(key, now.Add(-repairMemory))
	verdict := Verdict{Repair: true}
	if n := len(recent); n >= repairsPerWindow {
		if age := now.Sub(recent[n-repairsPerWindow]); age < repairWindow {
			verdict.Repair, verdict.Wait = false, repairWindow-age
		}
	}
	if verdict.Repair {
		recent = append(recent, now)
		t.repairs.Set(key, recent, repairMemory)
	}
	verdict.Contended = len(recent) >= contendedRepairs || !verdict.Repair
	return verdict
}

// since returns the repairs of an object after a time, oldest first.
func (t *ContentionTracker) since(key inventory.Key, begin time.Time) []time.Time {
	value, _ := t.repairs.Get(key)
	all, _ := value.([]time.Time)
	return slices.DeleteFunc(slices.Clone(all), func(at time.Time) bool { return !at.After(begin) })
}
