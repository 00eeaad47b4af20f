package webhook

import (
	"context"
	"sync"
)

// writeSlots bound how many deliveries of one project are stored at the same
// time, so that a flood for one project delays no other.
type writeSlots struct {
	each int

	mu       sync.Mutex
	projects map[string]*projectSlots
}

// projectSlots are one project's; they are dropped when nobody uses them.
type projectSlots struct {
	slots chan struct{}
	users int
}

func newWriteSlots(each int) *writeSlots {
	return &writeSlots{each: each, projects: map[string]*projectSlots{}}
}

// take waits for a slot of the key, as long as ctx allows. The caller releases
// it.
func (w *writeSlots) take(ctx context.Context, key string) (release func(), err error) {
	one := w.acquire(key)
	select {
	case one.slots <- struct{}{}:
		return func() {
			<-one.slots
			w.drop(key, one)
		}, nil
	case <-ctx.Done():
		w.drop(key, one)
		return nil, busy("too many deliveries of this project at once; send it again later").because(ctx.Err())
	}
}

func (w *writeSlots) acquire(key string) *projectSlots {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.projects[key]
	if one == nil {
		one = &projectSlots{slots: make(chan struct{}, w.each)}
		w.projects[key] = one
	}
	one.users++
	return one
}

func (w *writeSlots) drop(key string, one *projectSlots) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one.users--
	if one.users == 0 {
		delete(w.projects, key)
	}
}
