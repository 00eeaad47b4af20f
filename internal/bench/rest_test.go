//go:build integration

package bench

import (
	"runtime"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/content"
)

// Figures of a project at rest.
const (
	syncEvery  = "1s" // jitter is added
	syncWindow = 1300 * time.Millisecond
	syncTimes  = 10
	idleTime   = 5 * time.Second
)

// measureNothing measures syncs that find nothing new, beside a fetch that
// does not either.
func measureNothing(b *testing.B, measured server, fx *fixture, f *floor) measurements {
	m := measurements{name: "no-op-sync-" + fx.scenario.name[len("1-of-"):], what: "a sync of the same project that finds nothing new; the time is that of one sync"}
	if err := fx.change(b.Context(), `{"spec":{"syncInterval":"`+syncEvery+`"}}`); err != nil {
		b.Fatal(err)
	}
	time.Sleep(2 * syncWindow) // the sync that takes over the change
	idle(b, measured)
	for range syncTimes {
		before := measured.spent(b)
		time.Sleep(syncWindow)
		window := measured.spent(b).minus(before)
		m.floors = append(m.floors, f.fetch(b))
		if window.syncs == 0 {
			continue
		}
		if window.writes() > 0 {
			b.Errorf("%d syncs that found nothing wrote: %v", window.syncs, window.requests)
		}
		m.spent = m.spent.plus(window)
		for range window.syncs {
			m.pushes = append(m.pushes, window.syncTime/time.Duration(window.syncs))
		}
	}
	if err := fx.change(b.Context(), `{"spec":{"syncInterval":null}}`); err != nil {
		b.Fatal(err)
	}
	return m
}

// measureShown measures what it costs to show the last commit at the stages that it
// leaves as they are, which happens once after the last push.
func measureShown(b *testing.B, measured server, s scenario) measurements {
	m := measurements{name: s.name + "-shown", what: "then, once, half a minute after the last push: the commit is shown at all stages that it leaves as they are"}
	before := measured.spent(b)
	time.Sleep(content.ShowDelay)
	idle(b, measured)
	m.spent = measured.spent(b).minus(before)
	if m.spent.writes() == 0 {
		b.Error("the commit is not shown")
	}
	return m
}

// memory measures a server that has nothing to do.
func (t *table) memory(b *testing.B, measured server, name string) {
	time.Sleep(idleTime)
	runtime.GC() // of this process, so that both rest
	measured.resetPeak(b)
	time.Sleep(idleTime)
	t.addMemory(name, measured.memory(b), measured.peak(b))
}
