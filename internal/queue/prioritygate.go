package queue

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// PriorityGate knows what is urgent at the moment. What is not waits for it, at most
// for a given time, and if there is no end of what is urgent, half of the time.
type PriorityGate struct {
	limit time.Duration

	mu      sync.Mutex
	urgent  map[types.NamespacedName]bool
	settled chan struct{} // closed when nothing urgent is left
	began   time.Time     // when the first of it came
}

// NewPriorityGate returns a gate at which nobody waits longer than limit.
func NewPriorityGate(limit time.Duration) *PriorityGate { return &PriorityGate{limit: limit} }

// Begin notes that something is urgent.
func (r *PriorityGate) Begin(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.urgent) == 0 || time.Since(r.began) >= 2*r.limit { // nobody waits for the last ones any more
		r.urgent, r.settled, r.began = map[types.NamespacedName]bool{}, make(chan struct{}), time.Now()
	}
	r.urgent[name] = true
}

// End notes that something is done, or won't be for a while. It may be called at
// any time.
func (r *PriorityGate) End(name types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.urgent[name] {
		return
	}
	if delete(r.urgent, name); len(r.urgent) == 0 {
		close(r.settled)
	}
}

// Wait returns when nothing is urgent, or when something was for the limit.
func (r *PriorityGate) Wait(ctx context.Context) error {
	r.mu.Lock()
	open, settled, left := len(r.urgent), r.settled, r.limit-time.Since(r.began)
	r.mu.Unlock()
	if open == 0 || left <= 0 {
		return nil
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-settled:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
