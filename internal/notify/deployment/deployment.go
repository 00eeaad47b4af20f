package deployment

import (
	"context"
	"fmt"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// maxKnown bounds the deployments whose ids are kept.
const maxKnown = 8192

// Sink keeps one deployment per release up to date. It remembers their ids to
// spare calls; one that it doesn't know is found again by the forge's client.
type Sink struct {
	notify.Silent
	known *lru.Cache // types.UID of a release → the deployment's id, a string
}

// New returns a sink that knows no deployment yet.
func New() *Sink { return &Sink{known: lru.New(maxKnown)} }

// Release sets the state of the release's deployment, which is made by the first
// step that changes the stage: what is held or waits may never become one. Previews
// have none, so none is left of them when they end.
func (s *Sink) Release(ctx context.Context, to notify.Destination, r report.Release) error {
	deployer, deploys := to.Forge.(scm.Deployer)
	phase := phaseOf(r.Step)
	if !deploys || r.Preview || phase == "" || phase == scm.PhaseGone && phaseOf(r.Before) == "" {
		return nil
	}
	known, _ := s.known.Get(r.UID)
	id, _ := known.(string)
	id, err := deployer.SetDeployment(ctx, scm.Deployment{
		ID: id, Release: r.Name, Repository: r.Repository, Commit: r.Commit, Ref: r.Ref,
		Stage: r.Stage, Preview: r.Preview, Phase: phase, Description: r.Sentence, URL: r.URL,
	})
	if err != nil {
		return fmt.Errorf("set deployment of %.8s at %s: %w", r.Commit, r.Repository, err)
	}
	s.known.Add(r.UID, id)
	return nil
}

// phaseOf puts a step into the words of deployments, empty for none.
func phaseOf(step report.Step) scm.Phase {
	switch step {
	case report.StepBuilding, report.StepDeploying:
		return scm.PhaseRunning
	case report.StepLive:
		return scm.PhaseLive
	case report.StepFailed:
		return scm.PhaseFailed
	case report.StepSuperseded:
		return scm.PhaseGone
	}
	return ""
}
