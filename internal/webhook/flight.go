package webhook

import (
	"context"
	"sync"
)

// flights bounds how many deliveries of one project are made durable at the
// same time: those of a flood wait here, where they cost nobody else
// anything. The zero value is not usable.
type flights struct {
	each int

	mu   sync.Mutex
	open map[string]*flight
}

// flight is one project's; it is forgotten when nobody uses it.
type flight struct {
	slots chan struct{}
	users int
}

func newFlights(each int) *flights {
	return &flights{each: each, open: map[string]*flight{}}
}

// enter waits for a slot of the key, as long as ctx allows. Leave gives it
// back.
func (f *flights) enter(ctx context.Context, key string) (leave func(), err error) {
	one := f.join(key)
	select {
	case one.slots <- struct{}{}:
		return func() {
			<-one.slots
			f.part(key, one)
		}, nil
	case <-ctx.Done():
		f.part(key, one)
		return nil, busy("too many deliveries of this project at once; send it again later").because(ctx.Err())
	}
}

func (f *flights) join(key string) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.open[key]
	if one == nil {
		one = &flight{slots: make(chan struct{}, f.each)}
		f.open[key] = one
	}
	one.users++
	return one
}

func (f *flights) part(key string, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one.users--
	if one.users == 0 {
		delete(f.open, key)
	}
}
