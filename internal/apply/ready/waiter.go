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

// waiter is what happens in one namespace while somebody waits. One goroutine
// uses it; watches fill its tables.
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
	tails    logTails
	signal   chan struct{}

	stop  context.CancelFunc
	group sync.WaitGroup
}

// newWaiter looks at every target once, consistently.
func (v *Clients) newWaiter(ctx context.Context, targets []Target, options Options) (*waiter, error) {
	s := &waiter{
		clients: v, options: options, began: time.Now(), signal: make(chan struct{}, 1), stop: func() {},
		stores: map[schema.GroupVersionResource]*store[*unstructured.Unstructured]{},
	}
	s.pods, s.sets, s.warnings = newStore[*corev1.Pod](s.changed), newStore[*appsv1.ReplicaSet](s.changed), newStore[*corev1.Event](s.changed)
	s.tails.texts = map[cause.Log]string{}
	for _, wanted := range targets {
		resource, err := v.client.Resource(ctx, wanted.Ref)
		if err != nil {
			return nil, refusal.Explain(wanted.Ref, err)
		}
		s.targets = append(s.targets, &target{Target: wanted, resource: resource})
		if s.stores[resource] == nil {
			s.stores[resource] = newStore[*unstructured.Unstructured](s.changed)
		}
	}
	for resource, table := range s.stores {
		list, err := v.dynamic.Resource(resource).Namespace(options.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, refusal.Explain(inventory.Ref{Group: resource.Group, Version: resource.Version, Kind: resource.Resource}, err)
		}
		items := make([]any, len(list.Items))
		for at := range list.Items {
			items[at] = &list.Items[at]
		}
		if err := table.Replace(items, list.GetResourceVersion()); err != nil {
			return nil, fmt.Errorf("read %s: %w", resource.Resource, err)
		}
	}
	for _, w := range s.targets {
		if object, ok := s.stores[w.resource].get(w.Name); ok {
			w.floor = object.GetGeneration()
		}
	}
	return s, nil
}

// changed tells the waiting goroutine that there is news.
func (s *waiter) changed() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// follow starts the watches.
func (s *waiter) follow(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	for resource, table := range s.stores {
		s.group.Go(func() {
			s.clients.objects(resource, s.options.Namespace).Follow(ctx, &unstructured.Unstructured{}, table)
		})
	}
	s.group.Go(func() { s.clients.pods(s.options.Namespace, "").Follow(ctx, &corev1.Pod{}, s.pods) })
	s.group.Go(func() { s.clients.replicaSets(s.options.Namespace).Follow(ctx, &appsv1.ReplicaSet{}, s.sets) })
	s.group.Go(func() { s.clients.warnings(s.options.Namespace).Follow(ctx, &corev1.Event{}, s.warnings) })
	s.tails.ctx = ctx
}

// close ends the watches and waits for them.
func (s *waiter) close() {
	s.stop()
	s.group.Wait()
}

// evaluate brings every target up to date.
func (s *waiter) evaluate(now time.Time) {
	var evidence *cause.Evidence
	for _, w := range s.targets {
		object, ok := s.stores[w.resource].get(w.Name)
		if ok && object.GetGeneration() >= w.floor && object != w.object {
			w.object = object
			w.read()
		}
		if w.done || w.object == nil {
			w.found = nil
			continue
		}
		if evidence == nil {
			evidence = &cause.Evidence{Pods: s.pods.all(), ReplicaSets: s.sets.all(), Warnings: s.warnings.all()}
		}
		workload, current := workloadOf(w.object)
		found, ok := cause.Diagnose(workload, *evidence)
		switch {
		case !ok || !current:
			w.found = nil
			continue
		case w.found == nil || w.found.Code != found.Code:
			w.since = now
		}
		w.found = &found
		if found.Log != nil {
			w.found.Detail = s.tails.end(s, found)
		}
	}
}

// report tells the caller what changed since it was last told.
func (s *waiter) report() {
	states := s.states()
	if s.options.Progress == nil || reflect.DeepEqual(states, s.reported) {
		return
	}
	s.reported = states
	s.options.Progress(states)
}
