package queue

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/release"
)

// recorder notes what happened to releases.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (d *recorder) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// until returns a run that notes its start, waits for its context, and notes
// how it ended.
func (d *recorder) until(name string) func(context.Context) bool {
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
func (d *recorder) once(name string, over bool) func(context.Context) bool {
	return func(context.Context) bool {
		d.note(name)
		return over
	}
}

func stageName(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "o", Name: name}
}

func TestNewestReleaseWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, q := &recorder{}, New(4)
		q.Submit(stageName("a"), Job{Sequence: 1, Run: d.until("1")})
		synctest.Wait()
		q.Submit(stageName("a"), Job{Sequence: 1, Run: d.until("1 again")})
		q.Submit(stageName("a"), Job{Sequence: 2, Run: d.until("2")})
		q.Submit(stageName("a"), Job{Sequence: 4, Run: d.until("4")})
		q.Submit(stageName("a"), Job{Sequence: 3, Run: d.until("3")})
		synctest.Wait()
		q.Close()
		want := []string{"start 1", "superseded 1", "start 4", "stopped 4"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
	})
}

func TestStagesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, q := &recorder{}, New(4)
		q.Submit(stageName("a"), Job{Sequence: 1, Run: d.until("a")})
		synctest.Wait()
		q.Submit(stageName("b"), Job{Sequence: 1, Run: d.until("b")})
		synctest.Wait()
		if q.Stop(stageName("a")) {
			t.Error("Stop says the lane is empty while its release still runs")
		}
		synctest.Wait()
		if !q.Stop(stageName("a")) {
			t.Error("Stop says the lane is busy after its release returned")
		}
		q.Close()
		want := []string{"start a", "start b", "superseded a", "stopped b"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
	})
}

func TestParallelReleasesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, q := &recorder{}, New(1)
		q.Submit(stageName("a"), Job{Sequence: 1, Run: d.until("a")})
		synctest.Wait()
		q.Submit(stageName("b"), Job{Sequence: 1, Run: d.until("b")})
		synctest.Wait()
		q.Stop(stageName("a"))
		synctest.Wait()
		q.Close()
		want := []string{"start a", "superseded a", "start b", "stopped b"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
		q.Submit(stageName("c"), Job{Sequence: 1, Run: d.until("c")})
		if len(d.lines) != len(want) {
			t.Error("closed q ran a release")
		}
	})
}

// Releases that people wait for come before those of pushes; one that is stopped
// while it waits keeps nobody from a slot.
func TestWhoGetsTheNextSlot(t *testing.T) {
	tests := map[string]struct {
		submitted []string // a letter each, in capitals when urgent
		stopped   string
		want      []string
	}{
		"in turn":           {submitted: []string{"a", "b", "c"}, want: []string{"a", "b", "c"}},
		"people first":      {submitted: []string{"a", "B", "c", "D"}, want: []string{"B", "D", "a", "c"}},
		"stopped in turn":   {submitted: []string{"a", "b", "c"}, stopped: "b", want: []string{"a", "c"}},
		"stopped and first": {submitted: []string{"a", "B"}, stopped: "B", want: []string{"a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, q := &recorder{}, New(1)
				q.Submit(stageName("first"), Job{Sequence: 1, Run: d.until("first")})
				synctest.Wait()
				for _, one := range tt.submitted {
					q.Submit(stageName(one), Job{Sequence: 1, Urgent: one == strings.ToUpper(one), Run: func(ctx context.Context) bool {
						if ctx.Err() == nil {
							d.note(one)
						}
						return true
					}})
					synctest.Wait()
				}
				if tt.stopped != "" {
					q.Stop(stageName(tt.stopped))
					synctest.Wait()
				}
				q.Stop(stageName("first"))
				synctest.Wait()
				q.Close()
				if got := d.lines[2:]; !slices.Equal(got, tt.want) {
					t.Errorf("ran %q, want %q", got, tt.want)
				}
			})
		})
	}
}

// A watch may show a release as unfinished after its end; it is not run again,
// unless it was only held.
func TestReleaseThatIsOverIsNotRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, q := &recorder{}, New(4)
		for _, next := range []struct {
			sequence int64
			name     string
			over     bool
		}{{1, "held", false}, {1, "approved", true}, {1, "again", true}, {2, "next", true}, {1, "older", true}} {
			q.Submit(stageName("a"), Job{Sequence: next.sequence, Run: d.once(next.name, next.over)})
			synctest.Wait()
		}
		if !q.Stop(stageName("a")) {
			t.Error("Stop says the lane is busy")
		}
		q.Submit(stageName("a"), Job{Sequence: 1, Run: d.once("made anew", true)})
		synctest.Wait()
		q.Close()
		want := []string{"held", "approved", "next", "made anew"}
		if !slices.Equal(d.lines, want) {
			t.Errorf("got %q, want %q", d.lines, want)
		}
	})
}
