package assemble

import (
	"context"
	"sync"
	"time"
)

// slots bound how many do something at once. Nobody waits long: a registry that hangs
// holds up only its own images.
type slots struct {
	free chan struct{}
	wait time.Duration
}

func newSlots(n int, wait time.Duration) slots { return slots{make(chan struct{}, n), wait} }

// enter takes a slot, which leave gives back. When there is none in time, a builder makes
// the image.
func (s slots) enter(ctx context.Context) (leave func(), err error) {
	late := time.NewTimer(s.wait)
	defer late.Stop()
	select {
	case s.free <- struct{}{}:
		return func() { <-s.free }, nil
	case <-late.C:
		return nil, obstacle(0, "the server is busy with other images")
	case <-ctx.Done():
		return nil, busy(ctx.Err())
	}
}

// turns lets those who want the same wait for each other.
type turns struct {
	mu      sync.Mutex
	waiting map[string]*turn
}

type turn struct {
	free  chan struct{}
	users int
}

// take waits for a turn, which ends with end. Waited is true when somebody else had it.
func (t *turns) take(ctx context.Context, key string) (end func(), waited bool, err error) {
	t.mu.Lock()
	if t.waiting == nil {
		t.waiting = map[string]*turn{}
	}
	mine := t.waiting[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		t.waiting[key] = mine
	}
	mine.users++
	waited = mine.users > 1
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.users--; mine.users == 0 {
			delete(t.waiting, key)
		}
	}
	select {
	case mine.free <- struct{}{}:
		return func() { <-mine.free; leave() }, waited, nil
	case <-ctx.Done():
		leave()
		return nil, waited, ctx.Err()
	}
}
