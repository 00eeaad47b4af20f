package release

import (
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
)

// Sources opens what a release is made from.
type Sources interface {
	// File returns the project file of a commit of the primary repository.
	File(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, string, error)
	// Open returns a commit of the project's repository with a clone URL
	// (empty means the primary one). Revision is a commit id, or a ref or
	// branch of another repository.
	Open(ctx context.Context, p *v1alpha1.Project, url, revision string) (Snapshot, error)
	// Descends says whether a commit of the primary repository has another in
	// its history, or is it. The code not_found says that it can't be told.
	Descends(ctx context.Context, p *v1alpha1.Project, commit, ancestor string) (bool, error)
	// Grant lets one build fetch a directory of a snapshot for a short time.
	Grant(o Inputs, snapshot Snapshot, directory string) (build.Source, error)
}

// Renderer renders a stage.
type Renderer interface {
	Render(ctx context.Context, tree fs.FS, request render.Request) (render.Result, error)
}

// Bundles keeps rendered manifests.
type Bundles interface {
	// Put keeps manifests and returns the name and digest to find them by.
	Put(ctx context.Context, o Inputs, manifests []byte) (name, digest string, err error)
	// Get returns the manifests kept under a name, checked against the digest.
	Get(ctx context.Context, o Inputs, name, digest string) ([]byte, error)
}

// Journal makes a release's progress durable.
type Journal interface {
	// Write writes the release's status.
	Write(ctx context.Context, status v1alpha1.ReleaseStatus) error
	// Observe shows how the stage's services run.
	Observe(ctx context.Context, services []v1alpha1.ServiceStatus) error
}

// Facts tells what only the forge knows. Its errors are coded. A forge that
// doesn't tell never fails a release: the gate that needs the fact stays shut,
// says why, and is tried again.
type Facts interface {
	// Checks returns how the checks of the release's commit stand, by name.
	Checks(ctx context.Context, o Inputs) (map[string]plan.CheckState, error)
	// Groups returns those of the groups that the login belongs to.
	Groups(ctx context.Context, o Inputs, login string, among []string) ([]string, error)
}

// Runner runs releases. It is safe for concurrent use.
type Runner struct {
	Sources  Sources
	Renderer Renderer
	Bundles  Bundles
	Policy   func(Inputs) guard.Policy
	// Facts tells what the forge knows; nil means that nothing is known.
	Facts Facts
	// UnavailableTimeout is how long a release waits for a room that is unavailable
	// before it fails.
	UnavailableTimeout time.Duration
	Now                func() time.Time
	Log                *slog.Logger
}

// Run brings a release to an end: Succeeded, Failed, Held or Superseded. It
// returns an error only when the end could not be made durable, or when ctx
// ended for another cause than ErrSuperseded; then the next Run goes on where
// this one was. The speculation is what was done for the release before it was
// durable, nil for nothing.
func (r *Runner) Run(ctx context.Context, o Inputs, journal Journal, speculation *Speculation) error {
	run := &run{Runner: r, Inputs: o, journal: journal, speculation: speculation, status: *o.Release.Status.DeepCopy()}
	if run.status.Phase.Done() {
		return nil
	}
	return run.end(ctx, run.story(ctx))
}

// Supersede ends a release that a newer one overtook before it ran.
func (r *Runner) Supersede(ctx context.Context, o Inputs, journal Journal) error {
	run := &run{Runner: r, Inputs: o, journal: journal, status: *o.Release.Status.DeepCopy()}
	return run.end(ctx, ErrSuperseded)
}

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
