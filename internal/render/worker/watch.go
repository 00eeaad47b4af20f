package worker

import (
	"context"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
)

// sampling is how often memory and CPU of a rendering child are looked at.
const sampling = 20 * time.Millisecond

// watch kills a child that exceeds its limits, or whose caller has gone, and
// remembers why.
type watch struct {
	stop chan struct{}
	done chan struct{}

	mu     sync.Mutex
	reason error
}

// newWatch watches until end is called. Limits that are zero don't count.
func newWatch(ctx context.Context, c *child, limits Limits) *watch {
	w := &watch{stop: make(chan struct{}), done: make(chan struct{})}
	go w.run(ctx, c, limits)
	return w
}

func (w *watch) run(ctx context.Context, c *child, limits Limits) {
	defer close(w.done)
	deadline := time.NewTimer(limits.Time)
	defer deadline.Stop()
	ticker := time.NewTicker(sampling)
	defer ticker.Stop()
	before := cpuOf(c.pid())
	for {
		select {
		case <-w.stop:
			return
		case <-c.done:
			return
		case <-ctx.Done():
			c.stop()
			return
		case <-deadline.C:
			w.trip(c, outOfTime(limits, cpuOf(c.pid())-before))
			return
		case <-ticker.C:
			if limits.Memory > 0 && memoryOf(c.pid()) > limits.Memory {
				w.trip(c, outOfMemory(limits))
				return
			}
			if limits.CPU > 0 && cpuOf(c.pid())-before > limits.CPU {
				w.trip(c, outOfCPU(limits))
				return
			}
		}
	}
}

func (w *watch) trip(c *child, reason error) {
	w.mu.Lock()
	w.reason = reason
	w.mu.Unlock()
	c.stop()
}

// tripped returns why the child was killed, nil when it wasn't.
func (w *watch) tripped() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reason
}

// end stops watching and waits until it has.
func (w *watch) end() {
	close(w.stop)
	<-w.done
}

// outOfTime blames the repository when the child was busy, and the machine
// when it mostly waited.
func outOfTime(limits Limits, used time.Duration) error {
	if used*2 < limits.Time {
		return fault.New(fault.Unavailable, "rendering did not end within %s, of which it got the processor for only %s; it is tried again", limits.Time, used.Round(time.Millisecond))
	}
	return fault.New(fault.Invalid, "rendering did not end within %s; look for something that multiplies without end, such as nested aliases, templates or bases", limits.Time)
}

func outOfCPU(limits Limits) error {
	return fault.New(fault.Invalid, "rendering needs more than %s of processor time; look for something that multiplies without end, such as nested aliases, templates or bases", limits.CPU)
}

func outOfMemory(limits Limits) error {
	return fault.New(fault.Invalid, "rendering needs more than %d MiB of memory; look for something that multiplies, such as nested aliases, templates or bases", limits.Memory>>20)
}
