package ready

import (
	"cmp"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
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
