package ready

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
)

// waiter follows one namespace while somebody waits. One goroutine uses it;
// watches fill its stores.
type waiter struct {
	clients  *Clients
	options  Options
	began    time.Time
	targets  []*target
	reported []ServiceState

	stores   map[schema.GroupVersionResource]*store[*unstructured.Unstructured]
	pods     *store[*corev1.Pod]
	sets     *store[*appsv1.ReplicaSet]
	warnings *store[*corev1.Event]
	tails    *logTails // nil before the watches run
	signal   chan struct{}

	stop  context.CancelFunc
	group sync.WaitGroup
}

// newWaiter returns a waiter that has read every target once, consistently.
func (c *Clients) newWaiter(ctx context.Context, targets []Target, options Options) (*waiter, error) {
	w := &waiter{
		clients: c, options: options, began: time.Now(), signal: make(chan struct{}, 1), stop: func() {},
		stores: map[schema.GroupVersionResource]*store[*unstructured.Unstructured]{},
	}
	w.pods, w.sets, w.warnings = newStore[*corev1.Pod](w.changed), newStore[*appsv1.ReplicaSet](w.changed), newStore[*corev1.Event](w.changed)
	for _, wanted := range targets {
		resource, err := c.client.Resource(ctx, wanted.Ref)
		if err != nil {
			return nil, refusal.Explain(wanted.Ref, err)
		}
		w.targets = append(w.targets, &target{Target: wanted, resource: resource})
		if w.stores[resource] == nil {
			w.stores[resource] = newStore[*unstructured.Unstructured](w.changed)
		}
	}
	return w, w.list(ctx)
}

// list reads the targets' objects once, and which generation each has.
func (w *waiter) list(ctx context.Context) error {
	for resource, objects := range w.stores {
		list, err := w.clients.dynamic.Resource(resource).Namespace(w.options.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return refusal.Explain(inventory.Ref{Group: resource.Group, Version: resource.Version, Kind: resource.Resource}, err)
		}
		items := make([]any, len(list.Items))
		for at := range list.Items {
			items[at] = &list.Items[at]
		}
		if err := objects.Replace(items, list.GetResourceVersion()); err != nil {
			return fmt.Errorf("read %s: %w", resource.Resource, err)
		}
	}
	for _, t := range w.targets {
		if object, ok := w.stores[t.resource].get(t.Name); ok {
			t.floor = object.GetGeneration()
		}
	}
	return nil
}

// changed wakes the waiting goroutine.
func (w *waiter) changed() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// follow starts the watches.
func (w *waiter) follow(ctx context.Context) {
	ctx, w.stop = context.WithCancel(ctx)
	for resource, objects := range w.stores {
		w.group.Go(func() {
			w.clients.objects(resource, w.options.Namespace).Follow(ctx, &unstructured.Unstructured{}, objects)
		})
	}
	w.group.Go(func() { w.clients.pods(w.options.Namespace, "").Follow(ctx, &corev1.Pod{}, w.pods) })
	w.group.Go(func() { w.clients.replicaSets(w.options.Namespace).Follow(ctx, &appsv1.ReplicaSet{}, w.sets) })
	w.group.Go(func() { w.clients.warnings(w.options.Namespace).Follow(ctx, &corev1.Event{}, w.warnings) })
	w.tails = newLogTails(&w.group, func(log cause.Log) string {
		return w.clients.lastLines(ctx, w.options.Namespace, log)
	}, w.changed)
}

// close ends the watches and waits for them.
func (w *waiter) close() {
	w.stop()
	w.group.Wait()
}

// crashSettle is how long after its end a container that was restarted must be ready
// to count: one that ends at once is ready again and again, for less than a node
// needs to notice.
const crashSettle = 5 * time.Second

// look reads what is newest of a target. It returns false when there is nothing to
// judge: it was not seen yet, or has done its work and gone, as its list says, which
// comes before the watch.
func (w *waiter) look(t *target) bool {
	object, ok := w.stores[t.resource].get(t.Name)
	if ok && object.GetGeneration() >= t.floor && object != t.object {
		t.object = object
		t.read()
	}
	if !ok && t.Vanishes && t.failed == "" {
		t.done = true
		return false
	}
	return t.object != nil
}

// evaluate brings every target up to date.
func (w *waiter) evaluate(now time.Time) {
	var evidence *cause.Evidence
	for _, t := range w.targets {
		if !w.look(t) {
			t.found = nil
			continue
		}
		if evidence == nil {
			evidence = &cause.Evidence{Pods: w.pods.all(), ReplicaSets: w.sets.all(), Warnings: w.warnings.all()}
		}
		workload, current := workloadOf(t.object)
		t.settles = cause.LastCrash(workload, *evidence).Add(crashSettle)
		if t.done = t.current && !now.Before(t.settles); t.done {
			t.found = nil
			continue
		}
		found, ok := cause.Diagnose(workload, *evidence)
		switch {
		case !ok || !current:
			t.found = nil
			continue
		case t.found == nil || t.found.Code != found.Code:
			t.since = now
		}
		t.found = &found
		if found.Log != nil && w.tails != nil {
			t.found.Detail = w.tails.end(found)
		}
	}
}

// report calls Progress when a service changed since the last call.
func (w *waiter) report() {
	states := w.states()
	if w.options.Progress == nil || reflect.DeepEqual(states, w.reported) {
		return
	}
	w.reported = states
	w.options.Progress(states)
}
