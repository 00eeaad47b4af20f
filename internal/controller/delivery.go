package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// deliveryTTL is how long a delivery is kept after it was dealt with, and
// maxDeliveries how many a project keeps at most.
const (
	deliveryTTL   = 72 * time.Hour
	maxDeliveries = 200
)

// deliveryProject indexes deliveries by the project they are for.
const deliveryProject = "spec.project"

// waiting returns the project's deliveries that no sync has served yet,
// oldest first, and deletes those that are too old to be of use.
func (r *ProjectReconciler) waiting(ctx context.Context, p *v1alpha1.Project) ([]v1alpha1.Delivery, error) {
	var all v1alpha1.DeliveryList
	if err := r.Client.List(ctx, &all, client.InNamespace(p.Namespace), client.MatchingFields{deliveryProject: p.Name}); err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.Delivery) int { return a.Spec.Received.Compare(b.Spec.Received.Time) })
	var waiting, done []v1alpha1.Delivery
	for _, d := range all.Items {
		if r.served.knows(&d) {
			continue
		}
		if d.Status.Phase == v1alpha1.DeliveryPending || d.Status.Phase == "" {
			waiting = append(waiting, d)
		} else {
			done = append(done, d)
		}
	}
	return waiting, r.forget(ctx, done)
}

// forget deletes deliveries that were dealt with and are old, or too many.
func (r *ProjectReconciler) forget(ctx context.Context, done []v1alpha1.Delivery) error {
	for i := range done {
		surplus := len(done)-i > maxDeliveries
		old := r.Now().Sub(done[i].Spec.Received.Time) > deliveryTTL
		if !surplus && !old {
			return nil
		}
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &done[i])); err != nil {
			return fmt.Errorf("delete delivery %s: %w", done[i].Name, err)
		}
	}
	return nil
}

// finish marks the deliveries that a sync served. A delivery that arrived
// while it ran is not among them and causes the next one.
func (r *ProjectReconciler) finish(ctx context.Context, served []v1alpha1.Delivery, syncErr error) error {
	for i := range served {
		after := served[i].DeepCopy()
		after.Status.Phase = v1alpha1.DeliveryDone
		after.Status.Message = "synced"
		if syncErr != nil {
			after.Status.Phase = v1alpha1.DeliveryFailed
			after.Status.Message = clip(sentence(syncErr), 4096)
		}
		after.Status.Attempts++
		after.Status.Finished = &metav1.MicroTime{Time: r.Now()}
		if err := patchStatus(ctx, r.Client, &served[i], after); err != nil {
			return err
		}
		r.served.note(&served[i])
	}
	return nil
}
