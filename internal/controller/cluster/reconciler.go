package cluster

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/kube"
)

// Clusters reaches clusters. It must be safe for concurrent use.
type Clusters interface {
	// Version asks a cluster for the version of its API server.
	Version(ctx context.Context, cluster *v1alpha1.Cluster) (string, error)
	// APIVersions asks a cluster for the API versions and kinds that it serves.
	APIVersions(ctx context.Context, cluster *v1alpha1.Cluster) ([]string, error)
	// Nodes looks at a cluster's nodes.
	Nodes(ctx context.Context, cluster *v1alpha1.Cluster) (cluster.Nodes, error)
	// Forget drops what is kept of a Cluster that is gone.
	Forget(cluster types.NamespacedName)
}

// Reconciler shows whether a cluster can be reached, and whether its nodes can
// contain pods.
type Reconciler struct {
	Client   client.Client
	Clusters Clusters
}

// clusterPoll is how often a cluster's health is looked at.
const clusterPoll = time.Minute

// Reconcile looks at one cluster.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var before v1alpha1.Cluster
	err := r.Client.Get(ctx, req.NamespacedName, &before)
	if apierrors.IsNotFound(err) {
		r.Clusters.Forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("read Cluster %s: %w", req.NamespacedName, err)
	}
	after := before.DeepCopy()
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Reachable", Message: "the cluster answers"}
	version, err := r.Clusters.Version(ctx, &before)
	if err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, kube.ReasonOf(err), kube.Sentence(err)
	} else {
		after.Status.Version = version
		if served, err := r.Clusters.APIVersions(ctx, &before); err == nil {
			after.Status.APIVersions = served
		} else { // charts go on with what it served last
			condition.Reason, condition.Message = "PartlyReachable", "the cluster answers, but not for every API that it serves: "+kube.Sentence(err)
		}
		nodes, err := r.Clusters.Nodes(ctx, &before)
		kube.SetCondition(&after.Status.Conditions, userNamespaces(before.Spec.Policy, nodes, err), before.Generation)
	}
	after.Status.ObservedGeneration = before.Generation
	kube.SetCondition(&after.Status.Conditions, condition, before.Generation)
	return ctrl.Result{RequeueAfter: clusterPoll}, kube.PatchStatus(ctx, r.Client, &before, after)
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).For(&v1alpha1.Cluster{}).
		WithOptions(controller.Options{RateLimiter: kube.Retries()}).
		Complete(r)
}
