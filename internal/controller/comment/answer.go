package comment

import (
	"context"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
)

// shown is what the comments of a project show, besides the pull requests themselves.
type shown struct {
	stages   []v1alpha1.Stage
	answered []*v1alpha1.Delivery         // comments
	answers  map[int64]*v1alpha1.Delivery // the newest of each pull request
}

// add adds a comment that was answered.
func (s *shown) add(d *v1alpha1.Delivery) {
	s.answered = append(s.answered, d)
	if known := s.answers[d.Spec.PullRequest]; known == nil || known.Spec.Received.Before(&d.Spec.Received) {
		s.answers[d.Spec.PullRequest] = d
	}
}

// isAnswered reports whether a delivery is a comment under a pull request of the
// project that was answered.
func isAnswered(p *v1alpha1.Project, d *v1alpha1.Delivery) bool {
	return d.Status.Answer != nil && !d.Status.Answer.Silent && d.Spec.Repository == p.Primary().Name
}

// reactFor is how long after a comment came it gets a reaction. After a restart those of
// the time before it get theirs again, which changes nothing at the forge.
const reactFor = time.Hour

// react acknowledges comments that were answered. Where a token may not, the answer has
// to do.
func (r *Reconciler) react(ctx context.Context, to notify.Destination, p *v1alpha1.Project, answered []*v1alpha1.Delivery) error {
	for _, d := range answered {
		key := keyOf(p) + " reaction " + d.Name
		if !r.memory.changed(key, d.Name) || r.Now().Sub(d.Spec.Received.Time) > reactFor {
			continue
		}
		err := r.Sinks.Reaction(ctx, to, report.ReactionTo(p, d))
		if notify.Retryable(ctx, err) {
			return err
		}
		if err != nil {
			r.Log.Warn("react to a comment", "project", p.Name, "delivery", d.Name, "error", err)
		}
		r.memory.set(key, d.Name)
	}
	return nil
}
