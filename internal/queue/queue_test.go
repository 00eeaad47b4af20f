package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/release"
)

// diary notes what happened to releases.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// until returns a run that notes its start, waits for its context, and notes
// how it ended.
func (d *diary) until(name string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		d.note("start " + name)
		<-ctx.Done()
		if errors.Is(context.Cause(ctx), release.ErrSuperseded) {
			d.note("superseded " + name)
			return true
		}
		d.note("stopped " + name)
		return false
	}
}

// once returns a run that returns at once.
func (d *diary) once(name string, over bool) func(context.Context) bool {
	return func(context.Context) bool {
		d.note(name)
		return over
	}
}

func Stage(name string) types.NamespacedName { return types.NamespacedName{Namespace: "o", Name: name} }

func TestNewestReleaseWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, lanes := &diary{}, NewQueue(4)
		lanes.Submit(Stage("a"), 1, d.until("1"))
		synctest.Wait()
		lanes.Submit(Stage("a"), 1, d.until("1 again"))
		lanes.Submit(Stage("a"), 2, d.until("2"))
		lanes.Submit(Stage("a"), 4, d.until("4"))
		lanes.Submit(Stage("a"), 3, d.until("3"))
		synctest.Wait()
		lanes.Close()
		want := []string{"start 1", "superseded 1", "start 4", "stopped 4"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
	})
}

func TestLanesOfStagesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, lanes := &diary{}, NewQueue(4)
		lanes.Submit(Stage("a"), 1, d.until("a"))
		synctest.Wait()
		lanes.Submit(Stage("b"), 1, d.until("b"))
		synctest.Wait()
		if lanes.Stop(Stage("a")) {
			t.Error("Stop says the lane is empty while its release still runs")
		}
		synctest.Wait()
		if !lanes.Stop(Stage("a")) {
			t.Error("Stop says the lane is busy after its release returned")
		}
		lanes.Close()
		want := []string{"start a", "start b", "superseded a", "stopped b"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
	})
}

func TestParallelReleasesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, lanes := &diary{}, NewQueue(1)
		lanes.Submit(Stage("a"), 1, d.until("a"))
		synctest.Wait()
		lanes.Submit(Stage("b"), 1, d.until("b"))
		synctest.Wait()
		lanes.Stop(Stage("a"))
		synctest.Wait()
		lanes.Close()
		want := []string{"start a", "superseded a", "start b", "stopped b"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
		lanes.Submit(Stage("c"), 1, d.until("c"))
		if len(d.lines) != len(want) {
			t.Error("closed lanes ran a release")
		}
	})
}

// A watch may show a release as unfinished after its end; it is not run again,
// unless it was only held.
func TestReleaseThatIsOverIsNotRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, lanes := &diary{}, NewQueue(4)
		for _, next := range []struct {
			sequence int64
			name     string
			over     bool
		}{{1, "held", false}, {1, "approved", true}, {1, "again", true}, {2, "next", true}, {1, "older", true}} {
			lanes.Submit(Stage("a"), next.sequence, d.once(next.name, next.over))
			synctest.Wait()
		}
		if !lanes.Stop(Stage("a")) {
			t.Error("Stop says the lane is busy")
		}
		lanes.Submit(Stage("a"), 1, d.once("made anew", true))
		synctest.Wait()
		lanes.Close()
		want := []string{"held", "approved", "next", "made anew"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
	})
}
