package release

import (
	"context"

	"github.com/slipway-dev/slipway/internal/plan"
)

// Forecast plans a release as Run does, and does nothing of it. Last is what
// the services ran with before, by name; nil takes it from the order's good
// release.
func (r *Runner) Forecast(ctx context.Context, o Inputs, last map[string]plan.LastImage) (plan.Decision, error) {
	run := &run{Runner: r, Inputs: o, status: *o.Release.Status.DeepCopy()}
	settled, err := run.settle(ctx)
	if err != nil {
		return plan.Decision{}, err
	}
	images, err := run.images(ctx, settled)
	if err != nil {
		return plan.Decision{}, err
	}
	facts := run.facts(settled, images)
	if last != nil {
		facts.Last = last
	}
	run.ask(ctx, &facts)
	return plan.Decide(facts), nil
}
