package comment

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// topic distinguishes Slipway's comment about stages from its others.
const topic = "stages"

// Sink writes comments. The zero value is ready.
type Sink struct{ notify.Silent }

// PullRequest writes the comment under a pull request, or edits it.
func (Sink) PullRequest(ctx context.Context, to notify.Destination, p report.PullRequest) error {
	if to.Forge == nil {
		return nil
	}
	err := to.Forge.SetComment(ctx, scm.Comment{Repository: p.Repository, PullRequest: p.Number, Topic: topic, Body: p.Text})
	if err != nil {
		return fmt.Errorf("comment on pull request %d of %s: %w", p.Number, p.Repository, err)
	}
	return nil
}

// Reaction acknowledges a comment, where the forge has reactions.
func (Sink) Reaction(ctx context.Context, to notify.Destination, a report.Reaction) error {
	reactor, reacts := to.Forge.(scm.Reactor)
	if !reacts {
		return nil
	}
	if err := reactor.React(ctx, a.Repository, a.PullRequest, a.Comment, a.Reaction); err != nil {
		return fmt.Errorf("react to comment %s under pull request %d of %s: %w", a.Comment, a.PullRequest, a.Repository, err)
	}
	return nil
}
