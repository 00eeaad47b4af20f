package cluster

import (
	"context"
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
)

// connections reaches clusters, or doesn't.
type connections struct {
	version   string
	err       error
	forgotten []types.NamespacedName
}

// Version implements Clusters.
func (c *connections) Version(context.Context, *v1alpha1.Cluster) (string, error) {
	return c.version, c.err
}

// Forget implements Clusters.
func (c *connections) Forget(cluster types.NamespacedName) {
	c.forgotten = append(c.forgotten, cluster)
}

var far = ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "slipway-org-acme", Name: "far"}}

func newCluster() *v1alpha1.Cluster {
	return &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: far.Namespace, Name: far.Name, Generation: 2},
		Status:     v1alpha1.ClusterStatus{Version: "v1.32.0"},
	}
}

// A Cluster shows whether it answers, and the version that it last had.
func TestHealth(t *testing.T) {
	tests := map[string]struct {
		connections     connections
		status          metav1.ConditionStatus
		reason, version string
	}{
		"answers":            {connections{version: "v1.33.2"}, metav1.ConditionTrue, "Reachable", "v1.33.2"},
		"does not answer":    {connections{err: fault.New(fault.Unavailable, "cluster far does not answer")}, metav1.ConditionFalse, "Unavailable", "v1.32.0"},
		"a kubeconfig lacks": {connections{err: fault.New(fault.NotFound, "Secret far is not there")}, metav1.ConditionFalse, "NotFound", "v1.32.0"},
		"something else":     {connections{err: errors.New("no descriptor is left")}, metav1.ConditionFalse, "InternalError", "v1.32.0"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := kubefake.New(t, newCluster())
			result, err := (&Reconciler{Client: c, Clusters: &tt.connections}).Reconcile(t.Context(), far)
			if err != nil || result.RequeueAfter != clusterPoll {
				t.Fatalf("%v, %v", result, err)
			}
			var got v1alpha1.Cluster
			if err := c.Get(t.Context(), far.NamespacedName, &got); err != nil {
				t.Fatal(err)
			}
			ready := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Status != tt.status || ready.Reason != tt.reason || ready.ObservedGeneration != 2 {
				t.Errorf("the condition is %+v, want %s, %s", ready, tt.status, tt.reason)
			}
			if got.Status.Version != tt.version || got.Status.ObservedGeneration != 2 {
				t.Errorf("the status is %+v, want version %s", got.Status, tt.version)
			}
		})
	}
}

// What is kept of a Cluster that is gone is dropped, and only then.
func TestClusterThatIsGone(t *testing.T) {
	refused := errors.New("no answer")
	away := interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
		return refused
	}}
	kept := &connections{}
	if _, err := (&Reconciler{Client: kubefake.Intercepted(t, away, newCluster()), Clusters: kept}).Reconcile(t.Context(), far); !errors.Is(err, refused) || len(kept.forgotten) != 0 {
		t.Errorf("an API server that is away: %v, %v forgotten", err, kept.forgotten)
	}
	if result, err := (&Reconciler{Client: kubefake.New(t), Clusters: kept}).Reconcile(t.Context(), far); err != nil || result != (ctrl.Result{}) {
		t.Errorf("%v, %v", result, err)
	}
	if len(kept.forgotten) != 1 || kept.forgotten[0] != far.NamespacedName {
		t.Errorf("%v forgotten", kept.forgotten)
	}
}
