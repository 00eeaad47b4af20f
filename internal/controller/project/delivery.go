package project

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/command"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/scm"
)

// deliveryTTL is how long a delivery is kept after it was dealt with, and
// maxDeliveries how many a project keeps at most.
const (
	deliveryTTL   = 72 * time.Hour
	maxDeliveries = 200
)

// markedInFlood is how many deliveries of a flood are marked and kept: the
// others would have to go in a moment, and a mark costs more than the delivery
// did.
const markedInFlood = 2

// deliveries returns the project's deliveries that no sync has served yet, and
// those that were dealt with, both oldest first. They are the watch cache's own
// and must not be changed.
func (r *Reconciler) deliveries(ctx context.Context, p *v1alpha1.Project) (waiting, done []v1alpha1.Delivery, err error) {
	var all v1alpha1.DeliveryList
	if err := r.Client.List(ctx, &all, client.InNamespace(p.Namespace), client.MatchingFields{kube.DeliveriesByProject: p.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, fmt.Errorf("list deliveries: %w", err)
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.Delivery) int { return a.Spec.Received.Compare(b.Spec.Received.Time) })
	for _, d := range all.Items {
		if r.Cleaner.Knows(&d) {
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

// forget deletes deliveries that were dealt with and are old, and the oldest of
// too many. Comments are kept for a while.
func (r *Reconciler) forget(done []v1alpha1.Delivery) {
	young := slices.IndexFunc(done, func(d v1alpha1.Delivery) bool { return r.Now().Sub(d.Spec.Received.Time) <= deliveryTTL })
	if young < 0 {
		young = len(done)
	}
	surplus := done[:max(young, len(done)-maxDeliveries)]
	many := max(len(done)-2*maxDeliveries, 0)
	r.Cleaner.Delete(surplus[:min(many, len(surplus))])
	for _, d := range surplus[min(many, len(surplus)):] {
		if !isCommand(&d) || r.Now().Sub(d.Spec.Received.Time) > commandTTL {
			r.Cleaner.Delete([]v1alpha1.Delivery{d})
		}
	}
}

// commandTTL is how long the delivery of a comment is kept at least, unless there are
// twice as many as others are kept of: while it is there, the comment counts no second
// time, and later it is too old.
const commandTTL = 2 * command.MaxAge

// isCommand reports whether a delivery is of a comment that asks for something.
func isCommand(d *v1alpha1.Delivery) bool { return d.Spec.Event == string(scm.KindComment) }

// finish marks the deliveries that a sync served, and deletes the oldest of more
// than are kept, but for comments. A delivery that arrived while the sync ran is not among them
// and causes the next one.
func (r *Reconciler) finish(s settlement, syncErr error) {
	keep := maxDeliveries
	if flood(s.served) {
		keep = markedInFlood
	}
	surplus := max(len(s.served)-keep, 0)
	for i, d := range s.served {
		if i < surplus && !isCommand(&d) {
			r.Cleaner.Delete([]v1alpha1.Delivery{d})
			continue
		}
		marked := r.marked(&d, s.messages[d.Name], syncErr)
		marked.Status.Answer = s.answers[d.Name]
		r.Cleaner.Mark(d, marked)
	}
}

// marked returns a delivery that says what a sync made of it.
func (r *Reconciler) marked(d *v1alpha1.Delivery, message string, syncErr error) *v1alpha1.Delivery {
	after := d.DeepCopy()
	after.Status.Phase = v1alpha1.DeliveryDone
	after.Status.Message = cmp.Or(message, "synced")
	if syncErr != nil {
		after.Status.Phase = v1alpha1.DeliveryFailed
		after.Status.Message = printable.Passage(kube.Sentence(syncErr), 4096)
	}
	after.Status.Attempts++
	after.Status.Replayed = d.ReplayMark()
	after.Status.Finished = &metav1.MicroTime{Time: r.Now()}
	return after
}

// shed deletes waiting deliveries when no sync is possible now: the oldest of
// more than are kept, except the last one of each ref.
func (r *Reconciler) shed(waiting []v1alpha1.Delivery) {
	reported := map[string]bool{}
	var surplus []v1alpha1.Delivery
	for i, d := range slices.Backward(waiting) {
		ref := d.Spec.Repository + " " + d.Spec.Ref + " " + d.Spec.Comment
		if reported[ref] && i < len(waiting)-maxDeliveries || i < len(waiting)-2*maxDeliveries {
			surplus = append(surplus, d)
		}
		reported[ref] = true
	}
	r.Cleaner.Delete(surplus)
}

// It is a flood when more than floodSize deliveries of a project come within
// floodTime: faster than anybody pushes, or looks at them.
const (
	floodSize = 30
	floodTime = 10 * time.Second
)

// flood reports whether the newest of some deliveries, oldest first, came as a
// flood.
func flood(deliveries []v1alpha1.Delivery) bool {
	newest := len(deliveries) - 1
	if newest < floodSize {
		return false
	}
	return deliveries[newest].Spec.Received.Sub(deliveries[newest-floodSize].Spec.Received.Time) < floodTime
}
