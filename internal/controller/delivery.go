package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
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

// Of a flood, at most deliveriesAtOnce of a project are marked between two
// syncs, parallelDeliveries at the same time: so a new one is soon synced, and
// the door, which makes new ones meanwhile, gets most of the API server.
const (
	deliveriesAtOnce   = 100
	parallelDeliveries = 2
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
		if d.Waits() {
			waiting = append(waiting, d)
		} else {
			done = append(done, d)
		}
	}
	return waiting, r.forget(ctx, done)
}

// forget deletes deliveries, the oldest first, that were dealt with and are
// old, or too many.
func (r *ProjectReconciler) forget(ctx context.Context, done []v1alpha1.Delivery) error {
	young := slices.IndexFunc(done, func(d v1alpha1.Delivery) bool { return r.Now().Sub(d.Spec.Received.Time) <= deliveryTTL })
	if young < 0 {
		young = len(done)
	}
	return r.delete(ctx, done[:max(young, len(done)-maxDeliveries)])
}

// finish marks the deliveries that a sync served. A delivery that arrived
// while it ran is not among them and causes the next one. Of a flood the
// oldest are dealt with at once, and deleted where they would not be kept.
func (r *ProjectReconciler) finish(ctx context.Context, s settled, syncErr error) error {
	surplus := 0
	if syncErr == nil {
		surplus = max(len(s.served)-maxDeliveries, 0)
	}
	now := s.served[:min(len(s.served), deliveriesAtOnce)]
	surplus = min(surplus, len(now))
	if err := r.delete(ctx, now[:surplus]); err != nil {
		return err
	}
	return each(ctx, now[surplus:], func(ctx context.Context, d *v1alpha1.Delivery) error {
		after := d.DeepCopy()
		after.Status.Phase = v1alpha1.DeliveryDone
		after.Status.Message = cmp.Or(s.said[d.Name], "synced")
		if syncErr != nil {
			after.Status.Phase = v1alpha1.DeliveryFailed
			after.Status.Message = clip(sentence(syncErr), 4096)
		}
		after.Status.Attempts++
		after.Status.Replayed = d.ReplayMark()
		after.Status.Finished = &metav1.MicroTime{Time: r.Now()}
		if err := patchStatus(ctx, r.Client, d, after); err != nil {
			return err
		}
		r.served.note(d)
		return nil
	})
}

// delete deletes deliveries.
func (r *ProjectReconciler) delete(ctx context.Context, deliveries []v1alpha1.Delivery) error {
	return each(ctx, deliveries, func(ctx context.Context, d *v1alpha1.Delivery) error {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, d)); err != nil {
			return fmt.Errorf("delete delivery %s: %w", d.Name, err)
		}
		return nil
	})
}

// each does something to every delivery, to a few at the same time.
func each(ctx context.Context, deliveries []v1alpha1.Delivery, do func(context.Context, *v1alpha1.Delivery) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelDeliveries)
	for i := range deliveries {
		group.Go(func() error { return do(ctx, &deliveries[i]) })
	}
	return group.Wait()
}
