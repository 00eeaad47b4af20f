package commitstatus

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Unchanged sets the status of a stage, or the one of all stages together, at a
// commit that changes nothing there.
func (Sink) Unchanged(ctx context.Context, to notify.Destination, u report.Unchanged) error {
	if to.Forge == nil {
		return nil
	}
	name := scm.ProjectContext
	if u.Stage != "" {
		name = scm.Context(u.Stage)
	}
	err := to.Forge.SetStatus(ctx, scm.Status{
		Repository: u.Repository, Commit: u.Commit, Context: name,
		State: stateOf(u.Step), Description: u.Sentence, URL: u.URL,
	})
	if err != nil {
		return fmt.Errorf("set status of %.8s at %s: %w", u.Commit, u.Repository, err)
	}
	return nil
}
