package gate

import (
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/entrance"
)

// reportEvery is how often visits of one preview are reported, at most, while it is awake.
const reportEvery = time.Minute

// clock notes when previews were visited last, and what of it is to be reported. It is
// safe for concurrent use.
type clock struct {
	mu       sync.Mutex
	previews map[string]*activity
}

// activity is what is known of the visits of one preview.
type activity struct {
	open     int       // requests that are not over
	last     time.Time // when one began or ended
	sleep    string    // the sleep that the last visit came upon; empty for none
	woke     string    // the last sleep that was reported
	reported time.Time // the last visit that was
	at       time.Time // when it was reported
}

// report is the last visit of a preview.
type report struct {
	name string
	entrance.Visit
}

func newClock() *clock { return &clock{previews: map[string]*activity{}} }

// begin notes that a visit begins, which comes upon a sleep or none. The visit lasts
// until end is called.
func (c *clock) begin(name, sleep string, now time.Time) (end func(now time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.previews[name]
	if a == nil {
		a = &activity{}
		c.previews[name] = a
	}
	a.open++
	a.touch(now)
	a.sleep = sleep
	return func(now time.Time) {
		c.mu.Lock()
		defer c.mu.Unlock()
		a.open--
		a.touch(now)
	}
}

func (a *activity) touch(now time.Time) {
	if now.After(a.last) {
		a.last = now
	}
}

// due returns what is to be reported now: the first visit upon a sleep at once, others
// once in reportEvery. A visit that goes on is one now.
func (c *clock) due(now time.Time) []report {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []report
	for name, a := range c.previews {
		if a.open > 0 {
			a.touch(now)
		}
		visit := entrance.Visit{At: a.last, Wakes: a.sleep}
		wakes := visit.Wakes != "" && visit.Wakes != a.woke
		if wakes || visit.At.After(a.reported) && now.Sub(a.at) >= reportEvery {
			all = append(all, report{name, visit})
		}
	}
	return all
}

// sent notes that a report arrived.
func (c *clock) sent(r report, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.previews[r.name]
	if a == nil {
		return
	}
	a.reported, a.at = r.At, now
	if r.Wakes != "" {
		a.woke = r.Wakes
	}
}

// forget drops what is known of a preview.
func (c *clock) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.previews, name)
}
