package runner

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Delays between two tries while something is unavailable.
const (
	firstDelay = 250 * time.Millisecond
	maxDelay   = 15 * time.Second
)

// attempt calls fn, and calls it again while something that it needs is
// unavailable, for at most the runner's UnavailableTimeout. Meanwhile the
// release's status says what is unavailable.
func attempt[T any](ctx context.Context, r *run, fn func(context.Context) (T, error)) (T, error) {
	waited := false
	result, err := persist(ctx, r, fn, func(err error) {
		r.recordWaiting(ctx, err)
		waited = true
	})
	if waited {
		meta.RemoveStatusCondition(&r.status.Conditions, v1alpha1.ConditionWaiting)
	}
	return result, err
}

// recordWaiting records in the status what is unavailable. That can't be written
// while the API server itself is.
func (r *run) recordWaiting(ctx context.Context, err error) {
	message := printable.Clip("waiting: "+fault.MessageOf(err), 1024)
	meta.SetStatusCondition(&r.status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionWaiting, Status: metav1.ConditionTrue, Reason: "Unavailable", Message: message,
	})
	if r.status.Message == message {
		return
	}
	r.status.Message = message
	if err := r.journal.Write(ctx, r.status); err != nil && ctx.Err() == nil {
		r.Log.Warn("write what a release waits for", "release", r.Release.Name, "error", err)
	}
}

// persist calls fn, and calls it again while something that it needs is
// unavailable. It reports each failure before it waits for the next try.
func persist[T any](ctx context.Context, r *run, fn func(context.Context) (T, error), report func(error)) (T, error) {
	giveUp := r.Now().Add(r.UnavailableTimeout)
	for delay := firstDelay; ; delay = min(2*delay, maxDelay) {
		result, err := fn(ctx)
		if fault.CodeOf(err) != fault.Unavailable || ctx.Err() != nil || !r.Now().Add(delay).Before(giveUp) {
			return result, err
		}
		r.Log.Warn("release waits", "release", r.Release.Name, "error", err)
		report(err)
		select {
		case <-ctx.Done():
			return result, context.Cause(ctx)
		case <-time.After(delay):
		}
	}
}
