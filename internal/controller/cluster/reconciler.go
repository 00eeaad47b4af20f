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
	"github.com/slipway-dev/slipway/internal/kube"
)

// Clusters reaches clusters. It must be safe for concurrent use.
type Clusters interface {
	// Version asks a cluster for the version of its API server.
	Version(ctx context.Context, cluster *v1alpha1.Cluster) (string, error)
	// Forget drops what is kept of a Cluster that is gone.
	Forget(cluster types.NamespacedName)
}

// Reconciler shows whether a cluster can be reached.
type Reconciler struct {
	Client   client.Client
	Clusters Clusters
}

// clusterPoll is how often a cluster's health is looked at.
const clusterPoll = time.Minute

// Reconcile looks at one cluster.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var cluster v1alpha1.Cluster
	err := r.Client.Get(ctx, req.NamespacedName, &cluster)
	if apierrors.IsNotFound(err) {
		r.Clusters.Forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("read Cluster %s: %w", req.NamespacedName, err)
	}
	after := cluster.DeepCopy()
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Reachable", Message: "the cluster answers"}
	version, err := r.Clusters.Version(ctx, &cluster)
	if err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, kube.ReasonOf(err), kube.Sentence(err)
	} else {
		after.Status.Version = version
	}
	after.Status.ObservedGeneration = cluster.Generation
	kube.SetCondition(&after.Status.Conditions, condition, cluster.Generation)
	return ctrl.Result{RequeueAfter: clusterPoll}, kube.PatchStatus(ctx, r.Client, &cluster, after)
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).For(&v1alpha1.Cluster{}).
		WithOptions(controller.Options{RateLimiter: kube.Retries()}).
		Complete(r)
}
