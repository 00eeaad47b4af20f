package release

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Delays between the tries of something that is unavailable.
const (
	firstDelay = 250 * time.Millisecond
	maxDelay   = 15 * time.Second
)

// attempt does a deed, and again while somebody it needs is unavailable, for
// at most the runner's patience. The release says meanwhile who that is.
func attempt[T any](ctx context.Context, r *run, deed func(context.Context) (T, error)) (T, error) {
	waited := false
	result, err := persist(ctx, r, deed, func(err error) {
		r.wait(ctx, err)
		waited = true
	})
	if waited {
		meta.RemoveStatusCondition(&r.status.Conditions, v1alpha1.ConditionWaiting)
	}
	return result, err
}

// wait notes that somebody is unavailable. When it is the API server itself,
// nobody can be told.
func (r *run) wait(ctx context.Context, err error) {
	message := fault.Clip("waiting: "+fault.MessageOf(err), 1024)
	meta.SetStatusCondition(&r.status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionWaiting, Status: metav1.ConditionTrue, Reason: "Unavailable", Message: message,
	})
	if r.status.Message == message {
		return
	}
	r.status.Message = message
	if err := r.journal.Write(ctx, r.status); err != nil && ctx.Err() == nil {
		r.Log.Warn("tell what a release waits for", "release", r.Release.Name, "error", err)
	}
}

// persist does a deed, and again while somebody it needs is unavailable. It
// tells of each failure that it tries to make good.
func persist[T any](ctx context.Context, r *run, deed func(context.Context) (T, error), tell func(error)) (T, error) {
	giveUp := r.Now().Add(r.UnavailableTimeout)
	for delay := firstDelay; ; delay = min(2*delay, maxDelay) {
		result, err := deed(ctx)
		if fault.CodeOf(err) != fault.Unavailable || ctx.Err() != nil || !r.Now().Add(delay).Before(giveUp) {
			return result, err
		}
		r.Log.Warn("release waits", "release", r.Release.Name, "error", err)
		tell(err)
		select {
		case <-ctx.Done():
			return result, context.Cause(ctx)
		case <-time.After(delay):
		}
	}
}
