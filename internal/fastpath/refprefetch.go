package fastpath

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/repository"
)

// quiet is how long no delivery came for a project before one makes its refs
// be read early: in a flood, one sync serves many.
const quiet = 200 * time.Millisecond

// RefPrefetcher read a project's refs while the delivery that tells of them is
// still being made durable. The sync that follows takes what was read, if it
// was read after all that it has to serve; it reads them itself otherwise. An
// expectation changes nothing but the mirror, which is a cache.
type RefPrefetcher struct {
	Client  client.Reader // the watch cache
	Sources *repository.Sources
	Lanes   *queue.Queue    // owns what runs
	Leads   <-chan struct{} // closed when this replica syncs
	Now     func() time.Time

	mu   sync.Mutex
	open map[types.NamespacedName]*prefetch
	last map[types.NamespacedName]time.Time // of a delivery
}

// prefetch is one reading of refs.
type prefetch struct {
	began time.Time
	done  chan struct{}
	heads git.Heads
	err   error
}

// Delivered begins to read the refs of the project that a delivery is for. The
// delivery must have been believed.
func (e *RefPrefetcher) Delivered(ctx context.Context, d *v1alpha1.Delivery) {
	select {
	case <-e.Leads:
	default:
		return
	}
	name := types.NamespacedName{Namespace: d.Namespace, Name: d.Spec.Project}
	if e.stirred(name) {
		return
	}
	if e.Client.Get(ctx, client.ObjectKeyFromObject(d), &v1alpha1.Delivery{}) == nil {
		return // a repetition
	}
	var p v1alpha1.Project
	if err := e.Client.Get(ctx, name, &p); err != nil || p.Spec.Suspend {
		return
	}
	expected := e.begin(name)
	e.Lanes.Go(func(ctx context.Context) {
		defer close(expected.done)
		expected.heads, expected.err = e.Sources.Heads(ctx, &p, p.Primary())
	})
}

// stirred notes a delivery and reports whether it is none after a quiet time.
func (e *RefPrefetcher) stirred(name types.NamespacedName) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last == nil {
		e.last = map[types.NamespacedName]time.Time{}
	}
	now, last := e.Now(), e.last[name]
	e.last[name] = now
	return now.Sub(last) < quiet
}

// begin notes that the refs of a project are read from now on.
func (e *RefPrefetcher) begin(name types.NamespacedName) *prefetch {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[types.NamespacedName]*prefetch{}
	}
	expected := &prefetch{began: e.Now(), done: make(chan struct{})}
	e.open[name] = expected
	return expected
}

// Take returns a project's heads if they were, or are being, read after all of
// the waiting deliveries had arrived. Nobody can take them again.
func (e *RefPrefetcher) Take(ctx context.Context, name types.NamespacedName, waiting []v1alpha1.Delivery) (git.Heads, bool) {
	e.mu.Lock()
	expected := e.open[name]
	delete(e.open, name)
	e.mu.Unlock()
	if expected == nil || len(waiting) == 0 {
		return git.Heads{}, false
	}
	for i := range waiting {
		if waiting[i].Spec.Received.After(expected.began) {
			return git.Heads{}, false
		}
	}
	select {
	case <-expected.done:
		return expected.heads, expected.err == nil
	case <-ctx.Done():
		return git.Heads{}, false
	}
}
