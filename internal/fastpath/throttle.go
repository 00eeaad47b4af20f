package fastpath

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/queue"
)

// StatusGateLimit is how long statuses wait, at most, while releases have
// objects to apply.
const StatusGateLimit = 500 * time.Millisecond

// statusWrites is how many statuses are written at the same time. Many
// releases at once end with many statuses; they must not stand in the way of
// the objects that other releases still have to apply.
const statusWrites = 3

// throttledClient is a client that writes few statuses at the same time, and those
// after the objects of the releases that are on their way.
type throttledClient struct {
	client.Client
	gate  *queue.PriorityGate
	slots *semaphore.Weighted
}

// NewThrottledClient returns a client whose statuses wait for a gate.
func NewThrottledClient(c client.Client, gate *queue.PriorityGate) client.Client {
	return throttledClient{Client: c, gate: gate, slots: semaphore.NewWeighted(statusWrites)}
}

// Status implements client.Client.
func (c throttledClient) Status() client.SubResourceWriter {
	return throttledWriter{SubResourceWriter: c.Client.Status(), gate: c.gate, slots: c.slots}
}

type throttledWriter struct {
	client.SubResourceWriter
	gate  *queue.PriorityGate
	slots *semaphore.Weighted
}

// Patch implements client.SubResourceWriter.
func (w throttledWriter) Patch(ctx context.Context, o client.Object, p client.Patch, options ...client.SubResourcePatchOption) error {
	if err := w.gate.Wait(ctx); err != nil {
		return err
	}
	if err := w.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer w.slots.Release(1)
	return w.SubResourceWriter.Patch(ctx, o, p, options...)
}
