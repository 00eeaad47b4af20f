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
)

// quietTime is how long no delivery came for a project before one makes its refs
// be read early: in a flood, one sync serves many.
const quietTime = 200 * time.Millisecond

// HeadReader reads the heads of a project's repository from its forge.
type HeadReader interface {
	Heads(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (git.Heads, error)
}

// RefPrefetcher reads a project's refs while the delivery that reports their
// change is still being made durable. The sync that follows takes what was read
// if it was read after every delivery that it serves, and reads the refs itself
// otherwise. Prefetching changes nothing but the mirror, which is a cache.
type RefPrefetcher struct {
	Client  client.Reader // the watch cache
	Sources HeadReader
	Queue   *queue.Queue    // owns what runs
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
// delivery must have been authenticated.
func (f *RefPrefetcher) Delivered(ctx context.Context, d *v1alpha1.Delivery) {
	select {
	case <-f.Leads:
	default:
		return
	}
	name := types.NamespacedName{Namespace: d.Namespace, Name: d.Spec.Project}
	if !f.afterQuiet(name) {
		return
	}
	if f.Client.Get(ctx, client.ObjectKeyFromObject(d), &v1alpha1.Delivery{}) == nil {
		return // a repetition
	}
	var p v1alpha1.Project
	if err := f.Client.Get(ctx, name, &p); err != nil || p.Spec.Suspend {
		return
	}
	reading := f.begin(name)
	f.Queue.Go(func(ctx context.Context) {
		defer close(reading.done)
		reading.heads, reading.err = f.Sources.Heads(ctx, &p, p.Primary())
	})
}

// afterQuiet records a delivery and reports whether the project was quiet before it.
func (f *RefPrefetcher) afterQuiet(name types.NamespacedName) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[types.NamespacedName]time.Time{}
	}
	now, last := f.Now(), f.last[name]
	f.last[name] = now
	return now.Sub(last) >= quietTime
}

// begin notes that the refs of a project are read from now on.
func (f *RefPrefetcher) begin(name types.NamespacedName) *prefetch {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[types.NamespacedName]*prefetch{}
	}
	reading := &prefetch{began: f.Now(), done: make(chan struct{})}
	f.open[name] = reading
	return reading
}

// Heads returns the heads of a project's primary repository as they are, or
// were after all of the waiting deliveries had arrived.
func (f *RefPrefetcher) Heads(ctx context.Context, p *v1alpha1.Project, waiting []v1alpha1.Delivery) (git.Heads, error) {
	if heads, read := f.take(ctx, client.ObjectKeyFromObject(p), waiting); read {
		return heads, nil
	}
	return f.Sources.Heads(ctx, p, p.Primary())
}

// take returns a project's heads if they were, or are being, read after all of
// the waiting deliveries had arrived. Nobody can take them again.
func (f *RefPrefetcher) take(ctx context.Context, name types.NamespacedName, waiting []v1alpha1.Delivery) (git.Heads, bool) {
	f.mu.Lock()
	reading := f.open[name]
	delete(f.open, name)
	f.mu.Unlock()
	if reading == nil || len(waiting) == 0 {
		return git.Heads{}, false
	}
	for i := range waiting {
		if waiting[i].Spec.Received.After(reading.began) {
			return git.Heads{}, false
		}
	}
	select {
	case <-reading.done:
		return reading.heads, reading.err == nil
	case <-ctx.Done():
		return git.Heads{}, false
	}
}
