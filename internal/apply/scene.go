package apply

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
)

// scene is what happens in one namespace while somebody waits. One goroutine
// uses it; watches fill its tables.
type scene struct {
	view    *views
	options WaitOptions
	began   time.Time
	watched []*watched
	told    []ServiceState

	objects  map[schema.GroupVersionResource]*table[*unstructured.Unstructured]
	pods     *table[*corev1.Pod]
	sets     *table[*appsv1.ReplicaSet]
	warnings *table[*corev1.Event]
	logs     logBook
	signal   chan struct{}

	stop  context.CancelFunc
	group sync.WaitGroup
}

// newScene looks at every target once, consistently.
func (v *views) newScene(ctx context.Context, targets []Target, options WaitOptions) (*scene, error) {
	s := &scene{
		view: v, options: options, began: time.Now(), signal: make(chan struct{}, 1), stop: func() {},
		objects: map[schema.GroupVersionResource]*table[*unstructured.Unstructured]{},
	}
	s.pods, s.sets, s.warnings = newTable[*corev1.Pod](s.changed), newTable[*appsv1.ReplicaSet](s.changed), newTable[*corev1.Event](s.changed)
	s.logs.texts = map[cause.Log]string{}
	for _, target := range targets {
		resource, err := v.client.resource(ctx, target.Ref)
		if err != nil {
			return nil, explain(target.Ref, err)
		}
		s.watched = append(s.watched, &watched{Target: target, resource: resource})
		if s.objects[resource] == nil {
			s.objects[resource] = newTable[*unstructured.Unstructured](s.changed)
		}
	}
	for resource, table := range s.objects {
		list, err := v.dynamic.Resource(resource).Namespace(options.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, explain(Ref{Group: resource.Group, Version: resource.Version, Kind: resource.Resource}, err)
		}
		items := make([]any, len(list.Items))
		for at := range list.Items {
			items[at] = &list.Items[at]
		}
		if err := table.Replace(items, list.GetResourceVersion()); err != nil {
			return nil, fmt.Errorf("read %s: %w", resource.Resource, err)
		}
	}
	for _, w := range s.watched {
		if object, ok := s.objects[w.resource].get(w.Name); ok {
			w.floor = object.GetGeneration()
		}
	}
	return s, nil
}

// changed tells the waiting goroutine that there is news.
func (s *scene) changed() {
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

// follow starts the watches.
func (s *scene) follow(ctx context.Context) {
	ctx, s.stop = context.WithCancel(ctx)
	for resource, table := range s.objects {
		s.group.Go(func() {
			s.view.any(resource, s.options.Namespace).follow(ctx, &unstructured.Unstructured{}, table)
		})
	}
	s.group.Go(func() { s.view.pods(s.options.Namespace, "").follow(ctx, &corev1.Pod{}, s.pods) })
	s.group.Go(func() { s.view.replicaSets(s.options.Namespace).follow(ctx, &appsv1.ReplicaSet{}, s.sets) })
	s.group.Go(func() { s.view.warnings(s.options.Namespace).follow(ctx, &corev1.Event{}, s.warnings) })
	s.logs.ctx = ctx
}

// close ends the watches and waits for them.
func (s *scene) close() {
	s.stop()
	s.group.Wait()
}

// evaluate brings every target up to date.
func (s *scene) evaluate(now time.Time) {
	var evidence *cause.Evidence
	for _, w := range s.watched {
		object, ok := s.objects[w.resource].get(w.Name)
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
			w.found.Detail = s.logs.last(s, found)
		}
	}
}

// report tells the caller what changed since it was last told.
func (s *scene) report() {
	states := s.states()
	if s.options.Progress == nil || reflect.DeepEqual(states, s.told) {
		return
	}
	s.told = states
	s.options.Progress(states)
}
