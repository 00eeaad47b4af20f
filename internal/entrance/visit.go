package entrance

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// annotationWakes of a Lease names the sleep that a visit came upon.
const annotationWakes = "slipway.dev/wakes"

// Visit is the last visit of a preview that a gate knows of.
type Visit struct {
	At time.Time
	// Wakes names the sleep that the visit came upon; empty for none.
	Wakes string
}

// NewLease returns the Lease that visits are written to, without any.
func NewLease(namespace, name string) *coordinationv1.Lease {
	return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels()}}
}

// Patch returns what a visit changes in its Lease, as a merge patch. One that came upon
// no sleep leaves alone what another gate may have reported of one.
func (v Visit) Patch() map[string]any {
	patch := map[string]any{"spec": map[string]any{"renewTime": metav1.NewMicroTime(v.At)}}
	if v.Wakes != "" {
		patch["metadata"] = map[string]any{"annotations": map[string]any{annotationWakes: v.Wakes}}
	}
	return patch
}

// VisitOf reads a Lease.
func VisitOf(lease *coordinationv1.Lease) Visit {
	visit := Visit{Wakes: lease.Annotations[annotationWakes]}
	if lease.Spec.RenewTime != nil {
		visit.At = lease.Spec.RenewTime.Time
	}
	return visit
}

// Visited returns when a stage was visited last, by a visit of its Lease: what its
// status says, where that is later. The gate's clock may differ: a visit is never in the
// future, and one that came upon the present sleep comes after its beginning.
func Visited(stage *v1alpha1.Stage, visit Visit, sleep string, now time.Time) *metav1.MicroTime {
	known := stage.Status.Visited
	at := visit.At
	if at.After(now) {
		at = now
	}
	wakes := sleep != "" && visit.Wakes == sleep && stage.Status.Asleep != nil
	if wakes && !at.After(stage.Status.Asleep.Since.Time) {
		at = now
	}
	settled := known != nil && (!wakes || known.After(stage.Status.Asleep.Since.Time))
	if at.IsZero() || settled && at.Sub(known.Time) < time.Second {
		return known
	}
	return new(metav1.NewMicroTime(at))
}
