package ready

import (
	"cmp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// A Deployment that says that it is available is ready, unless a container of its
// newest pods was started again a moment ago.
func TestRestartedContainersSettle(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	ended := func(ago time.Duration) *corev1.ContainerStateTerminated {
		return &corev1.ContainerStateTerminated{ExitCode: 4, FinishedAt: metav1.NewTime(now.Add(-ago))}
	}
	tests := map[string]struct {
		restarts int32
		last     *corev1.ContainerStateTerminated
		policy   corev1.RestartPolicy
		owner    types.UID
		want     bool
	}{
		"never ended":           {want: true},
		"ended a moment ago":    {restarts: 1, last: ended(time.Second)},
		"ended a while ago":     {restarts: 3, last: ended(crashSettle), want: true},
		"a pod of another":      {restarts: 1, last: ended(time.Second), owner: "another", want: true},
		"whose Job decides":     {restarts: 1, last: ended(time.Second), policy: corev1.RestartPolicyOnFailure, want: true},
		"ended before it began": {last: ended(time.Second), want: true}, // by somebody else, such as the node's restart
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "web-1-a", OwnerReferences: []metav1.OwnerReference{{UID: cmp.Or(tt.owner, "set")}}},
				Spec:       corev1.PodSpec{RestartPolicy: tt.policy},
				Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
					Name: "web", Ready: true, RestartCount: tt.restarts, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
					LastTerminationState: corev1.ContainerState{Terminated: tt.last},
				}}},
			}
			w := availableWaiter(t, now, pod)
			if w.evaluate(now); w.allDone() != tt.want {
				t.Errorf("ready is %t, want %t: %s", w.allDone(), tt.want, w.targets[0].message)
			}
			if tt.want {
				return
			}
			later := w.nextDecision()
			if w.evaluate(later); !later.Equal(now.Add(crashSettle-time.Second)) || !w.allDone() {
				t.Errorf("it is not ready after it stayed up for %s", later.Sub(now))
			}
		})
	}
}

// availableWaiter waits for a Deployment that says that it is available, with one
// replica set and a pod.
func availableWaiter(t *testing.T, now time.Time, pod *corev1.Pod) *waiter {
	t.Helper()
	deployment := &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "deployment", Generation: 1, Annotations: map[string]string{"deployment.kubernetes.io/revision": "1"}},
		Spec:       appsv1.DeploymentSpec{Replicas: new(int32(1))},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
			Conditions: []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue}},
		},
	}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(deployment)
	if err != nil {
		t.Fatal(err)
	}
	set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Name: "web-1", UID: "set", Annotations: deployment.Annotations, OwnerReferences: []metav1.OwnerReference{{UID: "deployment"}},
	}}
	quiet := func() {}
	resource := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	objects := newStore[*unstructured.Unstructured](quiet)
	w := &waiter{
		began: now, stores: map[schema.GroupVersionResource]*store[*unstructured.Unstructured]{resource: objects},
		pods: newStore[*corev1.Pod](quiet), sets: newStore[*appsv1.ReplicaSet](quiet), warnings: newStore[*corev1.Event](quiet),
		targets: []*target{{Target: Target{Ref: inventory.Ref{Group: "apps", Version: "v1", Kind: "Deployment", Name: "web"}}, resource: resource}},
	}
	for _, err := range []error{objects.Add(&unstructured.Unstructured{Object: fields}), w.sets.Add(set), w.pods.Add(pod)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// What a Deployment, a Job and what is left say of themselves.
func TestEvaluate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	deployment := func(change func(*appsv1.Deployment)) *appsv1.Deployment {
		d := &appsv1.Deployment{
			TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
			ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "deployment", Generation: 2},
			Spec:       appsv1.DeploymentSpec{Replicas: new(int32(1)), Paused: true},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1},
		}
		change(d)
		return d
	}
	job := func(status batchv1.JobStatus) *batchv1.Job {
		return &batchv1.Job{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: metav1.ObjectMeta{Name: "web"}, Status: status}
	}
	updated := func(d *appsv1.Deployment) {
		d.Status.UpdatedReplicas = 1
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue}}
	}
	tests := map[string]struct {
		object         any // nil when it is gone
		vanishes, left bool
		done           bool
		failed         string
	}{
		"paused, with a new version":    {object: deployment(func(*appsv1.Deployment) {}), failed: "it is paused"},
		"paused, as it was":             {object: deployment(updated), done: true},
		"paused, not seen yet":          {object: deployment(func(d *appsv1.Deployment) { d.Status.ObservedGeneration = 1 })},
		"not paused":                    {object: deployment(func(d *appsv1.Deployment) { d.Spec.Paused = false })},
		"left as it was, and not ready": {object: deployment(func(d *appsv1.Deployment) { d.Spec.Paused = false }), left: true, done: true},
		"a job that runs":               {object: job(batchv1.JobStatus{Active: 1}), vanishes: true},
		"a job that has gone":           {vanishes: true, done: true},
		"a job that somebody deleted":   {},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := availableWaiter(t, now, &corev1.Pod{})
			one, objects := w.targets[0], w.stores[w.targets[0].resource]
			one.Vanishes, one.Left = tt.vanishes, tt.left
			if err := objects.Replace(nil, ""); err != nil {
				t.Fatal(err)
			}
			if tt.object != nil {
				fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(tt.object)
				if err != nil {
					t.Fatal(err)
				}
				if err := objects.Add(&unstructured.Unstructured{Object: fields}); err != nil {
					t.Fatal(err)
				}
			}
			w.evaluate(now)
			if w.allDone() != tt.done || !strings.HasPrefix(one.failed, tt.failed) || (one.failed == "") != (tt.failed == "") {
				t.Errorf("done: %t, failed: %q", w.allDone(), one.failed)
			}
			err := w.verdict(t.Context(), now)
			if (err != nil) != (tt.failed != "") {
				t.Errorf("the verdict is %v", err)
			}
		})
	}
}
