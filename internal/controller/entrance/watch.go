package entrance

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/kube"
)

// Setup registers the reconciler. Entrances of stages that went while no server ran are
// found by their Leases.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("entrance").
		For(&v1alpha1.Stage{}, builder.WithPredicates(predicate.Funcs{
			CreateFunc: func(e event.CreateEvent) bool { return isGated(e.Object) },
			UpdateFunc: func(e event.UpdateEvent) bool { return isGated(e.ObjectOld) || isGated(e.ObjectNew) },
			DeleteFunc: func(e event.DeleteEvent) bool { return isGated(e.Object) },
		})).
		Watches(&v1alpha1.Release{}, handler.EnqueueRequestsFromMapFunc(r.gatedStageOf)).
		Watches(&coordinationv1.Lease{}, handler.EnqueueRequestsFromMapFunc(r.stageOfLease)).
		Watches(&discoveryv1.EndpointSlice{}, handler.EnqueueRequestsFromMapFunc(r.gatedStages)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, RateLimiter: kube.Retries()}).
		Complete(r)
}

func isGated(o client.Object) bool {
	stage, is := o.(*v1alpha1.Stage)
	return is && stage.Spec.Gated
}

// gatedStageOf asks for a look at the stage of a release, if that is behind the gate.
func (r *Reconciler) gatedStageOf(ctx context.Context, o client.Object) []reconcile.Request {
	rel, is := o.(*v1alpha1.Release)
	if !is {
		return nil
	}
	var stage v1alpha1.Stage
	key := client.ObjectKey{Namespace: rel.Namespace, Name: rel.Spec.Stage}
	if err := r.Client.Get(ctx, key, &stage); err != nil || !stage.Spec.Gated {
		return nil // its own event comes
	}
	return []reconcile.Request{{NamespacedName: key}}
}

// stageOfLease asks for a look at the stage that was visited.
func (r *Reconciler) stageOfLease(_ context.Context, o client.Object) []reconcile.Request {
	namespace, name, ok := entrance.StageOf(o.GetName())
	if !ok || o.GetNamespace() != r.Namespace {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: namespace, Name: name}}}
}

// gatedStages asks for a look at all stages behind the gate, whose addresses changed.
func (r *Reconciler) gatedStages(ctx context.Context, o client.Object) []reconcile.Request {
	if o.GetNamespace() != r.Namespace {
		return nil
	}
	var stages v1alpha1.StageList
	if err := r.Client.List(ctx, &stages, client.MatchingFields{kube.GatedStages: kube.Gated}); err != nil {
		return nil // the cache can't be read only when the server ends
	}
	var requests []reconcile.Request
	for i := range stages.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&stages.Items[i])})
	}
	return requests
}
