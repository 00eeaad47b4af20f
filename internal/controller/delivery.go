package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// deliveryTTL is how long a delivery is kept after it was dealt with, and
// maxDeliveries how many a project keeps at most.
const (
	deliveryTTL   = 72 * time.Hour
	maxDeliveries = 200
)

// Of a flood, at most deliveriesAtOnce of a project are dealt with between two
// syncs, and one at a time of all projects: so a new one is soon synced, and
// the door, which makes new ones meanwhile, gets most of the API server. Only
// markedInFlood of them are marked and kept: the others would have to go in a
// moment, and a mark costs more than the delivery did.
const (
	deliveriesAtOnce = 300
	markedInFlood    = 4
)

// deliveryProject indexes deliveries by the project they are for.
const deliveryProject = "spec.project"

// deliveries returns the project's deliveries that no sync has served yet, and
// those that were dealt with, both oldest first. They are the watch cache's own
// and must not be changed.
func (r *ProjectReconciler) deliveries(ctx context.Context, p *v1alpha1.Project) (waiting, done []v1alpha1.Delivery, err error) {
	var all v1alpha1.DeliveryList
	if err := r.Client.List(ctx, &all, client.InNamespace(p.Namespace), client.MatchingFields{deliveryProject: p.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("list deliveries: %w", err)
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.Delivery) int { return a.Spec.Received.Compare(b.Spec.Received.Time) })
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
	return waiting, done, nil
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
// while it ran is not among them and causes the next one. The oldest are
// deleted where they would not be kept for long.
func (r *ProjectReconciler) finish(ctx context.Context, s settled, syncErr error) error {
	keep := maxDeliveries
	if flood(s.served) {
		keep = markedInFlood
	}
	surplus := 0
	if syncErr == nil {
		surplus = max(len(s.served)-keep, 0)
	}
	now := s.served[:min(len(s.served), deliveriesAtOnce)]
	surplus = min(surplus, len(now))
	if err := r.delete(ctx, now[:surplus]); err != nil {
		return err
	}
	return r.each(ctx, now[surplus:], func(d *v1alpha1.Delivery) error {
		after := d.DeepCopy()
		after.Status.Phase = v1alpha1.DeliveryDone
		after.Status.Message = cmp.Or(s.said[d.Name], "synced")
		if syncErr != nil {
			after.Status.Phase = v1alpha1.DeliveryFailed
			after.Status.Message = fault.Clip(sentence(syncErr), 4096)
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

// shed deletes of the deliveries that wait for a sync that isn't possible now
// those that add nothing to the newer ones: more than are kept, and not the
// last to tell of their ref.
func (r *ProjectReconciler) shed(ctx context.Context, waiting []v1alpha1.Delivery) error {
	told := map[string]bool{}
	var surplus []v1alpha1.Delivery
	for i, d := range slices.Backward(waiting) {
		ref := d.Spec.Repository + " " + d.Spec.Ref
		if told[ref] && i < len(waiting)-maxDeliveries {
			surplus = append(surplus, d)
		}
		told[ref] = true
	}
	return r.delete(ctx, surplus[:min(len(surplus), deliveriesAtOnce)])
}

// delete deletes deliveries.
func (r *ProjectReconciler) delete(ctx context.Context, deliveries []v1alpha1.Delivery) error {
	return r.each(ctx, deliveries, func(d *v1alpha1.Delivery) error {
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, d)); err != nil {
			return fmt.Errorf("delete delivery %s: %w", d.Name, err)
		}
		r.served.note(d) // which the watch cache may still show
		return nil
	})
}

// each does something to every delivery, in turns with the other projects and
// between those that the door keeps.
func (r *ProjectReconciler) each(ctx context.Context, deliveries []v1alpha1.Delivery, do func(*v1alpha1.Delivery) error) error {
	inTurn := func(d *v1alpha1.Delivery) error {
		r.tidying.Lock()
		defer r.tidying.Unlock()
		if err := r.Keeping.Wait(ctx); err != nil {
			return err
		}
		return do(d)
	}
	for i := range deliveries {
		if err := inTurn(&deliveries[i]); err != nil {
			return err
		}
	}
	return nil
}
