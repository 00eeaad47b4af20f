package controller

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// rushTime is how long statuses wait, at most, for releases that have objects
// to apply. Pushes without end hold them up half of the time.
const rushTime = 500 * time.Millisecond

// Rush knows which stages are between a push and their last object. What only
// tells of releases waits for them, within bounds.
type Rush struct {
	mu      sync.Mutex
	stages  map[types.NamespacedName]bool
	settled chan struct{} // closed when no stage is left
	began   time.Time     // when the first of them came
}

// Begin notes that a stage is on its way.
func (r *Rush) Begin(stage types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.stages) == 0 || time.Since(r.began) >= 2*rushTime { // nobody waits for the last one any more
		r.stages, r.settled, r.began = map[types.NamespacedName]bool{}, make(chan struct{}), time.Now()
	}
	r.stages[stage] = true
}

// End notes that a stage's objects are applied, or won't be for a while. It may
// be called at any time.
func (r *Rush) End(stage types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stages[stage] {
		return
	}
	if delete(r.stages, stage); len(r.stages) == 0 {
		close(r.settled)
	}
}

// Wait returns when no stage is on its way, or when some were for rushTime.
func (r *Rush) Wait(ctx context.Context) error {
	r.mu.Lock()
	under, settled, left := len(r.stages), r.settled, rushTime-time.Since(r.began)
	r.mu.Unlock()
	if under == 0 || left <= 0 {
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
