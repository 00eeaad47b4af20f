package runner

import (
	"context"
	"io/fs"
	"log/slog"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
	"github.com/slipway-dev/slipway/internal/render"
)

// Sources opens commits and project files.
type Sources interface {
	// File returns the project file of a head, with the services that its
	// commits of secondary repositories declare. The same head always gives the
	// same file.
	File(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error)
	// Open returns a commit of the primary repository, or of the fork that the stage is
	// the preview of.
	Open(ctx context.Context, p *v1alpha1.Project, stage *v1alpha1.Stage, commit string) (release.Snapshot, error)
	// OpenSecondary returns the commit that a head has of the ref (empty means the
	// default branch) of the project's repository with a clone URL. An error with
	// the code not_found means that it has none.
	OpenSecondary(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head, url, ref string) (release.Snapshot, error)
	// Descends reports whether a commit of the primary repository is another or
	// has it in its history. An error with the code not_found means that this is
	// not known.
	Descends(ctx context.Context, p *v1alpha1.Project, commit, ancestor string) (bool, error)
	// Grant lets one build fetch what it may read of a directory of a snapshot, for a
	// short time.
	Grant(o release.Inputs, snapshot release.Snapshot, directory string, read scope.Scope) (build.Source, error)
}

// Refs reads where refs are.
type Refs interface {
	// Head returns the commit that a full ref of the primary repository has now. The
	// code not_found says that there is none.
	Head(ctx context.Context, p *v1alpha1.Project, ref string) (string, error)
}

// Renderer renders a stage.
type Renderer interface {
	Render(ctx context.Context, tree fs.FS, request render.Request) (render.Result, error)
}

// Bundles keeps rendered manifests.
type Bundles interface {
	// Put keeps manifests with what they were made from, nil when that isn't known,
	// and returns the name and digest to find them by.
	Put(ctx context.Context, o release.Inputs, manifests []byte, from *fingerprint.Fingerprint) (name, digest string, err error)
	// Fingerprint returns what the manifests kept under a name were made from, nil
	// when that isn't known.
	Fingerprint(ctx context.Context, o release.Inputs, name string) (*fingerprint.Fingerprint, error)
	// Get returns the manifests kept under a name, checked against the digest.
	Get(ctx context.Context, o release.Inputs, name, digest string) ([]byte, error)
}

// Journal makes a release's progress durable.
type Journal interface {
	// Write writes the release's status.
	Write(ctx context.Context, status v1alpha1.ReleaseStatus) error
	// Observe shows how the stage's services run.
	Observe(ctx context.Context, services []v1alpha1.ServiceStatus) error
}

// Facts reads what only the forge knows. Its errors are coded. An error never
// fails a release: the gate that needs the fact stays closed, says why, and is
// tried again.
type Facts interface {
	// Checks returns the states of the checks of the release's commit by name.
	Checks(ctx context.Context, o release.Inputs) (map[string]plan.CheckState, error)
	// Groups returns those of the groups that the login belongs to.
	Groups(ctx context.Context, o release.Inputs, login string, among []string) ([]string, error)
}

// Runner runs releases. It is safe for concurrent use.
type Runner struct {
	Sources  Sources
	Refs     Refs
	Renderer Renderer
	Bundles  Bundles
	Policy   func(release.Inputs) guard.Policy
	// Facts reads from the forge; nil means that there is none.
	Facts Facts
	// Version is the program's. Another one may render or apply the same differently.
	Version string
	// UnavailableTimeout is how long a release waits for something that is
	// unavailable before it fails.
	UnavailableTimeout time.Duration
	Now                func() time.Time
	Log                *slog.Logger

	buildPoll time.Duration // 0 means defaultBuildPoll
}

// Run runs a release until it is Succeeded, Failed, Held or Superseded. It returns
// an error only when that could not be written, or when ctx ended for another
// cause than ErrSuperseded; the next Run continues where this one stopped. The
// speculation holds what was prepared before the release was durable; nil means
// nothing.
func (r *Runner) Run(ctx context.Context, o release.Inputs, journal Journal, speculation *Speculation) error {
	run := &run{Runner: r, Inputs: o, journal: journal, speculation: speculation, status: *o.Release.Status.DeepCopy()}
	if run.status.Phase.Done() {
		return nil
	}
	return run.end(ctx, run.phases(ctx))
}

// Supersede ends a release that has not run because a newer one exists.
func (r *Runner) Supersede(ctx context.Context, o release.Inputs, journal Journal) error {
	run := &run{Runner: r, Inputs: o, journal: journal, status: *o.Release.Status.DeepCopy()}
	return run.end(ctx, release.ErrSuperseded)
}

// Forecast plans a release as Run does, without carrying it out. Last holds the
// images that the services run now, by name; nil takes them from the last good
// release.
func (r *Runner) Forecast(ctx context.Context, o release.Inputs, last map[string]plan.LastImage) (plan.Decision, error) {
	run := &run{Runner: r, Inputs: o, status: *o.Release.Status.DeepCopy()}
	resolved, err := run.resolve(ctx)
	if err != nil {
		return plan.Decision{}, err
	}
	images, err := run.images(ctx, resolved)
	if err != nil {
		return plan.Decision{}, err
	}
	facts := run.facts(resolved, images)
	if last != nil {
		facts.Last = last
	}
	run.addForgeFacts(ctx, &facts)
	return plan.Decide(facts), nil
}
