package release

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/scm"
)

// heldFor asks for another look at the releases that wait for what a delivery
// reports: a check of their commit that finished.
func (r *Reconciler) heldFor(ctx context.Context, o client.Object) []reconcile.Request {
	delivery, ok := o.(*v1alpha1.Delivery)
	if !ok || delivery.Spec.Event != string(scm.KindCheck) || delivery.Status.Phase == v1alpha1.DeliveryDone {
		return nil
	}
	var held v1alpha1.ReleaseList
	if err := r.Client.List(ctx, &held, client.InNamespace(delivery.Namespace), client.MatchingFields{kube.HeldByCommit: delivery.Spec.After}); err != nil {
		r.Log.Warn("find held releases", "project", delivery.Spec.Project, "delivery", delivery.Name, "error", err)
		return nil // the timer looks again
	}
	var requests []reconcile.Request
	for _, rel := range held.Items {
		if rel.Spec.Project == delivery.Spec.Project {
			requests = append(requests, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: rel.Namespace, Name: rel.Name}})
		}
	}
	return requests
}
