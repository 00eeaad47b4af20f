package controller

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// Tidier writes what syncs made of deliveries: it marks those that are kept
// and deletes the others, one at a time and between those that the door makes.
// Nobody waits for it: no sync, whose work is done, and not the door, which
// gets most of the API server. What it has not done when the process ends is
// found again by the first sync of the next, because the delivery still waits.
// It is safe for concurrent use.
type Tidier struct {
	client  client.Client
	keeping *Rush // what the door makes durable
	log     *slog.Logger
	queue   priorityqueue.PriorityQueue[servedDelivery]

	mu     sync.Mutex
	chores map[servedDelivery]chore
	served servedMemory // what is done
}

// chore is what is to be done with a delivery.
type chore struct {
	delivery v1alpha1.Delivery  // as the watch cache shows it, whose it is
	marked   *v1alpha1.Delivery // nil: it is deleted
}

// What people look at comes before what makes room.
const (
	priorityDelete = 0
	priorityMark   = 1
)

// NewTidier returns a Tidier, which works while Start runs.
func NewTidier(c client.Client, keeping *Rush, log *slog.Logger) *Tidier {
	queue := priorityqueue.New("tidier", func(o *priorityqueue.Opts[servedDelivery]) { o.RateLimiter = retriesOf[servedDelivery]() })
	return &Tidier{client: c, keeping: keeping, log: log, queue: queue, chores: map[servedDelivery]chore{}}
}

// Knows reports whether a delivery was given to the Tidier, whatever the watch
// cache still shows of it.
func (t *Tidier) Knows(d *v1alpha1.Delivery) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := servedOf(d)
	_, open := t.chores[key]
	return open || t.served.knows(key)
}

// Delete has deliveries deleted.
func (t *Tidier) Delete(deliveries []v1alpha1.Delivery) {
	for _, d := range deliveries {
		t.add(chore{delivery: d}, priorityDelete)
	}
}

// Mark has the status of a delivery written, as it is in marked.
func (t *Tidier) Mark(d v1alpha1.Delivery, marked *v1alpha1.Delivery) {
	t.add(chore{delivery: d, marked: marked}, priorityMark)
}

func (t *Tidier) add(c chore, priority int) {
	key := servedOf(&c.delivery)
	t.mu.Lock()
	t.chores[key] = c
	t.mu.Unlock()
	t.queue.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(priority)}, key)
}

// Start implements manager.Runnable.
func (t *Tidier) Start(ctx context.Context) error {
	stop := context.AfterFunc(ctx, t.queue.ShutDown)
	defer stop()
	pause := t.pauses()
	for {
		key, priority, shutdown := t.queue.GetWithPriority()
		if shutdown {
			return nil
		}
		err := t.do(ctx, key)
		t.queue.Done(key)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			t.queue.Forget(key)
			pause = t.pauses()
			continue
		}
		t.log.Warn("a delivery could not be tidied; it is tried again", "error", err)
		t.queue.AddWithOpts(priorityqueue.AddOpts{RateLimited: true, Priority: &priority}, key)
		select { // the API server may be away
		case <-ctx.Done():
		case <-time.After(pause.Step()):
		}
	}
}

// pauses are made after failures, the longer the more follow each other.
func (t *Tidier) pauses() *wait.Backoff {
	return &wait.Backoff{Duration: retryMin, Factor: 2, Steps: 1 << 20, Cap: retryMax}
}

// do does one chore.
func (t *Tidier) do(ctx context.Context, key servedDelivery) error {
	t.mu.Lock()
	c, open := t.chores[key]
	t.mu.Unlock()
	if !open {
		return nil
	}
	if err := t.keeping.Wait(ctx); err != nil {
		return err
	}
	if err := c.do(ctx, t.client); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.chores, key)
	t.served.note(key)
	return nil
}

func (c chore) do(ctx context.Context, to client.Client) error {
	if c.marked != nil {
		return patchStatus(ctx, to, &c.delivery, c.marked)
	}
	err := to.Delete(ctx, &c.delivery, client.Preconditions{UID: &c.delivery.UID, ResourceVersion: &c.delivery.ResourceVersion})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // one that was delivered again meanwhile stays
		return nil
	}
	return fmt.Errorf("delete delivery %s/%s: %w", c.delivery.Namespace, c.delivery.Name, err)
}
