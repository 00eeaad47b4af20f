package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
)

// connections reaches clusters, or doesn't.
type connections struct {
	version   string
	err       error
	nodes     cluster.Nodes
	nodesErr  error
	forgotten []types.NamespacedName
}

// Version implements Clusters.
func (c *connections) Version(context.Context, *v1alpha1.Cluster) (string, error) {
	return c.version, c.err
}

// APIVersions implements Clusters.
func (c *connections) APIVersions(context.Context, *v1alpha1.Cluster) ([]string, error) {
	if c.version == "" {
		return nil, nil
	}
	return []string{"apps/v1", "apps/v1/Deployment"}, nil
}

// Nodes implements Clusters.
func (c *connections) Nodes(context.Context, *v1alpha1.Cluster) (cluster.Nodes, error) {
	return c.nodes, c.nodesErr
}

// Forget implements Clusters.
func (c *connections) Forget(gone types.NamespacedName) {
	c.forgotten = append(c.forgotten, gone)
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
			if served := len(got.Status.APIVersions) == 2; served != (tt.status == metav1.ConditionTrue) {
				t.Errorf("it serves %v", got.Status.APIVersions)
			}
		})
	}
}

// A Cluster says which of its nodes can't contain pods, and what follows.
func TestUserNamespaces(t *testing.T) {
	tests := map[string]struct {
		connections    connections
		hostUsers      bool
		status         metav1.ConditionStatus
		reason, saying string
	}{
		"all nodes":      {connections{nodes: cluster.Nodes{Number: 3}}, false, metav1.ConditionTrue, "AllNodes", "every node has user namespaces"},
		"no node":        {connections{nodes: cluster.Nodes{Number: 2, WithoutUserNamespaces: []string{"a", "b"}}}, false, metav1.ConditionFalse, v1alpha1.ReasonNoUserNamespaces, "(a, b): stages of the level contained are refused; upgrade"},
		"no node, known": {connections{nodes: cluster.Nodes{Number: 1, WithoutUserNamespaces: []string{"a"}}}, true, metav1.ConditionFalse, v1alpha1.ReasonNoUserNamespaces, "(a): stages of the level contained are held to baseline"},
		"some nodes": {
			connections{nodes: cluster.Nodes{Number: 9, WithoutUserNamespaces: []string{"a", "b", "c", "d", "e", "f", "g"}}}, false,
			metav1.ConditionFalse, "SomeNodes", "7 of 9 nodes have no user namespaces, and pods of the level contained can't start there: a, b, c, d, e and 2 more;",
		},
		"no nodes yet": {connections{}, false, metav1.ConditionUnknown, "NoNodes", "no nodes yet"},
		"may not look": {connections{nodesErr: fault.New(fault.Denied, "Slipway may not list the nodes")}, false, metav1.ConditionUnknown, "Denied", "may not list the nodes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			object := newCluster()
			object.Spec.Policy.HostUsers = tt.hostUsers
			c := kubefake.New(t, object)
			if _, err := (&Reconciler{Client: c, Clusters: &tt.connections}).Reconcile(t.Context(), far); err != nil {
				t.Fatal(err)
			}
			var got v1alpha1.Cluster
			if err := c.Get(t.Context(), far.NamespacedName, &got); err != nil {
				t.Fatal(err)
			}
			condition := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionUserNamespaces)
			if condition == nil || condition.Status != tt.status || condition.Reason != tt.reason || !strings.Contains(condition.Message, tt.saying) {
				t.Errorf("the condition is %+v, want %s, %s, %q", condition, tt.status, tt.reason, tt.saying)
			}
			if !meta.IsStatusConditionTrue(got.Status.Conditions, v1alpha1.ConditionReady) {
				t.Error("the cluster is not ready")
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
