package project

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/lru"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/queue"
)

// DeliveryCleaner writes what syncs made of deliveries: it marks those that are kept
// and deletes the others, one at a time and between those that the receiver makes.
// Nobody waits for it: no sync, whose work is done, and not the receiver, which
// gets most of the API server. What it has not done when the process ends is
// found again by the first sync of the next, because the delivery still waits.
// It is safe for concurrent use.
type DeliveryCleaner struct {
	client client.Client
	gate   *queue.PriorityGate // what the receiver makes durable
	log    *slog.Logger
	queue  priorityqueue.PriorityQueue[servedDelivery]

	mu     sync.Mutex
	tasks  map[servedDelivery]task
	served *lru.Cache // what is done, which the watch cache may still show as waiting
}

// task is what is to be done with a delivery.
type task struct {
	delivery v1alpha1.Delivery  // as the watch cache shows it, whose it is
	marked   *v1alpha1.Delivery // nil: it is deleted
}

// What people look at comes before what makes room.
const (
	priorityDelete = 0
	priorityMark   = 1
)

// NewDeliveryCleaner returns a DeliveryCleaner, which works while Start runs.
func NewDeliveryCleaner(c client.Client, keeping *queue.PriorityGate, log *slog.Logger) *DeliveryCleaner {
	queue := priorityqueue.New("deliverycleaner", func(o *priorityqueue.Opts[servedDelivery]) { o.RateLimiter = kube.RetriesOf[servedDelivery]() })
	return &DeliveryCleaner{client: c, gate: keeping, log: log, queue: queue, tasks: map[servedDelivery]task{}, served: lru.New(maxServed)}
}

// Knows reports whether a delivery was given to the DeliveryCleaner, whatever the watch
// cache still shows of it.
func (t *DeliveryCleaner) Knows(d *v1alpha1.Delivery) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := servedOf(d)
	_, open := t.tasks[key]
	_, done := t.served.Get(key)
	return open || done
}

// Delete deletes deliveries, later.
func (t *DeliveryCleaner) Delete(deliveries []v1alpha1.Delivery) {
	for _, d := range deliveries {
		t.add(task{delivery: d}, priorityDelete)
	}
}

// Mark writes the status of a delivery as it is in marked, later.
func (t *DeliveryCleaner) Mark(d v1alpha1.Delivery, marked *v1alpha1.Delivery) {
	t.add(task{delivery: d, marked: marked}, priorityMark)
}

func (t *DeliveryCleaner) add(c task, priority int) {
	key := servedOf(&c.delivery)
	t.mu.Lock()
	t.tasks[key] = c
	t.mu.Unlock()
	t.queue.AddWithOpts(priorityqueue.AddOpts{Priority: ptr.To(priority)}, key)
}

// Start implements manager.Runnable.
func (t *DeliveryCleaner) Start(ctx context.Context) error {
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
		t.log.Warn("a delivery could not be cleaned up; it is tried again", "error", err)
		t.queue.AddWithOpts(priorityqueue.AddOpts{RateLimited: true, Priority: &priority}, key)
		select { // the API server may be away
		case <-ctx.Done():
		case <-time.After(pause.Step()):
		}
	}
}

// pauses are made after failures, the longer the more follow each other.
func (t *DeliveryCleaner) pauses() *wait.Backoff {
	return &wait.Backoff{Duration: kube.RetryMin, Factor: 2, Steps: 1 << 20, Cap: kube.RetryMax}
}

// do does one task.
func (t *DeliveryCleaner) do(ctx context.Context, key servedDelivery) error {
	t.mu.Lock()
	c, open := t.tasks[key]
	t.mu.Unlock()
	if !open {
		return nil
	}
	if err := t.gate.Wait(ctx); err != nil {
		return err
	}
	if err := c.do(ctx, t.client); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tasks, key)
	t.served.Add(key, nil)
	return nil
}

func (c task) do(ctx context.Context, to client.Client) error {
	if c.marked != nil {
		return kube.PatchStatus(ctx, to, &c.delivery, c.marked)
	}
	err := to.Delete(ctx, &c.delivery, client.Preconditions{UID: &c.delivery.UID, ResourceVersion: &c.delivery.ResourceVersion})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) { // one that was delivered again meanwhile stays
		return nil
	}
	return fmt.Errorf("delete delivery %s/%s: %w", c.delivery.Namespace, c.delivery.Name, err)
}

// maxServed bounds what a DeliveryCleaner remembers; a delivery that is forgotten too early
// costs a sync that finds nothing.
const maxServed = 10_000

// servedDelivery is a delivery as it was at one time: one that is delivered
// again, or to be replayed, counts anew.
type servedDelivery struct {
	uid     types.UID
	version string
}

func servedOf(d *v1alpha1.Delivery) servedDelivery {
	return servedDelivery{d.UID, d.ResourceVersion}
}
