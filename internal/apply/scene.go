package apply

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
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

// watched is one target and what is known of it.
type watched struct {
	Target
	resource schema.GroupVersionResource
	// floor is the generation that the first, consistent look found: what a
	// watch reports of an older one is history.
	floor   int64
	object  *unstructured.Unstructured
	done    bool
	ready   int32
	wanted  int32
	message string // what its own status says
	failed  string // why it failed for good by its own status
	found   *cause.Cause
	since   time.Time // when the cause was first seen
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

// read takes over what an object's own status says.
func (w *watched) read() {
	w.done, w.failed, w.message = false, "", ""
	w.ready, w.wanted = replicasOf(w.object)
	result, err := status.Compute(w.object)
	if err != nil {
		w.message = err.Error()
		return
	}
	w.message = result.Message
	switch result.Status {
	case status.CurrentStatus:
		w.done = true
	case status.FailedStatus:
		w.failed = result.Message
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

// logBook fetches the ends of logs without keeping the waiting goroutine.
type logBook struct {
	ctx   context.Context //nolint:containedctx // the watches' own, for as long as they run
	mutex sync.Mutex
	texts map[cause.Log]string
	asked map[string]bool
}

// last returns the end of a log once it was fetched, and fetches it again for
// every crash.
func (b *logBook) last(s *scene, found cause.Cause) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	log := *found.Log
	if b.asked == nil {
		b.asked = map[string]bool{}
	}
	if key := log.Pod + "/" + log.Container + "/" + found.Sentence; !b.asked[key] && b.ctx != nil {
		b.asked[key] = true
		s.group.Go(func() {
			text := s.view.lastLines(b.ctx, s.options.Namespace, log)
			b.mutex.Lock()
			if text != "" {
				b.texts[log] = text
			}
			b.mutex.Unlock()
			s.changed()
		})
	}
	return b.texts[log]
}

// replicasOf returns how many replicas of an object are ready and wanted; an
// object without replicas is one.
func replicasOf(u *unstructured.Unstructured) (ready, wanted int32) {
	number := func(otherwise int64, fields ...string) int32 {
		if value, ok, err := unstructured.NestedInt64(u.Object, fields...); ok && err == nil {
			return int32(min(max(value, 0), 1<<20))
		}
		return int32(otherwise) //nolint:gosec // a small constant
	}
	switch u.GetKind() {
	case "Deployment", "StatefulSet", "ReplicaSet":
		return number(0, "status", "readyReplicas"), number(1, "spec", "replicas")
	case "DaemonSet":
		return number(0, "status", "numberReady"), number(0, "status", "desiredNumberScheduled")
	case "Job":
		return number(0, "status", "succeeded"), number(1, "spec", "completions")
	}
	return 0, 0
}

// observes reports whether the controller of a kind tells which generation it
// looked at last.
func observes(kind string) bool {
	switch kind {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet":
		return true
	}
	return false
}

// workloadOf returns what diagnosing needs to know of an object; current is
// false while its controller has not looked at its newest generation.
func workloadOf(u *unstructured.Unstructured) (w cause.Workload, current bool) {
	w = cause.Workload{Kind: u.GetKind(), Name: u.GetName(), UID: u.GetUID()}
	switch w.Kind {
	case "Deployment":
		w.Revision = u.GetAnnotations()["deployment.kubernetes.io/revision"]
	case "StatefulSet":
		w.Revision, _, _ = unstructured.NestedString(u.Object, "status", "updateRevision")
	}
	observed, told, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
	if told && observed != u.GetGeneration() || !told && observes(w.Kind) {
		return w, false
	}
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] == "ReplicaFailure" && condition["status"] == "True" {
			w.Refused, _ = condition["message"].(string)
		}
	}
	return w, true
}
