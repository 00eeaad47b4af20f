package commitstatus

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Sink sets commit statuses. The zero value is ready.
type Sink struct{ notify.Silent }

// Release sets the status of the stage at the commit, unless a newer release of
// the same commit has it.
func (Sink) Release(ctx context.Context, to notify.Destination, r report.Release) error {
	if to.Forge == nil || !r.Latest {
		return nil
	}
	err := to.Forge.SetStatus(ctx, scm.Status{
		Repository: r.Repository, Commit: r.Commit, Context: scm.Context(r.Stage),
		State: stateOf(r.Step), Description: r.Sentence, URL: r.URL,
	})
	if err != nil {
		return fmt.Errorf("set status of %.8s at %s: %w", r.Commit, r.Repository, err)
	}
	return nil
}

// stateOf puts a step into the words of commit statuses.
func stateOf(step report.Step) scm.State {
	switch step {
	case report.StepLive, report.StepSkipped, report.StepUnchanged:
		return scm.StateSuccess
	case report.StepFailed:
		return scm.StateFailure
	case report.StepSuperseded:
		return scm.StateError
	}
	return scm.StatePending
}
