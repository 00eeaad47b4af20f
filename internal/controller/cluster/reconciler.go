package cluster

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// Reconciler shows whether a cluster can be reached.
type Reconciler struct {
	Client   client.Client
	Clusters *cluster.Clusters
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
	version, err := r.version(ctx, &cluster)
	if err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, kube.ReasonOf(err), kube.Sentence(err)
	} else {
		after.Status.Version = version
	}
	after.Status.ObservedGeneration = cluster.Generation
	kube.SetCondition(&after.Status.Conditions, condition, cluster.Generation)
	return ctrl.Result{RequeueAfter: clusterPoll}, kube.PatchStatus(ctx, r.Client, &cluster, after)
}

func (r *Reconciler) version(ctx context.Context, cluster *v1alpha1.Cluster) (string, error) {
	connection, err := r.Clusters.Connect(ctx, cluster)
	if err != nil {
		return "", err
	}
	clientset, err := kubernetes.NewForConfig(connection.Config)
	if err != nil {
		return "", fmt.Errorf("make client of cluster %s: %w", cluster.Name, err)
	}
	info, err := clientset.Discovery().ServerVersion()
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, err, "cluster %s does not answer", cluster.Name)
	}
	return info.GitVersion, nil
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).For(&v1alpha1.Cluster{}).
		WithOptions(controller.Options{RateLimiter: kube.Retries()}).
		Complete(r)
}
