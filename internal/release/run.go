package release

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/guard"
)

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

// verifying is what a release says while it waits.
const verifying = "waiting until everything is ready"

// run is one run of one release.
type run struct {
	*Runner
	Inputs
	journal     Journal
	status      v1alpha1.ReleaseStatus
	speculation *Speculation // nil for none
	origins     origins      // nil when nothing was rendered
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

// story is what a release does. What it renders is kept before anything is
// applied, so that after a crash it goes on from there.
func (r *run) story(ctx context.Context) error {
	manifests, err := r.kept(ctx)
	if err != nil {
		return err
	}
	switch {
	case manifests != nil:
		err = r.claim(ctx, manifests)
	case r.Release.Spec.Trigger.TakesBundle():
		manifests, err = r.take(ctx)
	default:
		manifests, err = r.prepare(ctx)
	}
	if err != nil {
		return err
	}
	if err := r.apply(ctx, manifests); err != nil {
		return err
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	return r.prune(ctx)
}

// kept returns the manifests that an earlier run of this release kept, nil
// when it did not come that far.
func (r *run) kept(ctx context.Context) ([]byte, error) {
	if r.status.Bundle == "" {
		return nil, nil
	}
	return attempt(ctx, r, func(ctx context.Context) ([]byte, error) {
		return r.Bundles.Get(ctx, r.Inputs, r.status.Bundle, r.status.BundleDigest)
	})
}

// prepare plans, builds, renders, guards and keeps the manifests, while the
// stage's namespace is made beside it.
func (r *run) prepare(ctx context.Context) ([]byte, error) {
	if early := r.foreseen(ctx); early != nil {
		r.status = early.status
		if err := r.ready(ctx); err != nil {
			return nil, err
		}
		r.origins = early.origins
		return early.manifests, r.provide(ctx, early.plan, early.manifests)
	}
	plan, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go func() { ready <- r.ready(ctx) }()
	manifests, err := r.manifests(ctx, plan)
	if readyErr := <-ready; err == nil && readyErr != nil {
		err = readyErr
	}
	if err != nil {
		return nil, err
	}
	if err := r.provide(ctx, plan, manifests); err != nil {
		return nil, err
	}
	return manifests, r.keep(ctx, manifests)
}

// ready makes the stage's namespace, beside the story, which tells its own.
func (r *run) ready(ctx context.Context) error {
	prepare := func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Target.Prepare(ctx, false) }
	_, err := persist(ctx, r, prepare, func(error) {})
	return err
}

// provide takes what the manifests need of the cluster, their hosts, and makes
// the Secrets that the services need.
func (r *run) provide(ctx context.Context, plan planned, manifests []byte) error {
	if err := r.claim(ctx, manifests); err != nil {
		return err
	}
	_, err := attempt(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Target.Provide(ctx, plan.wanted()) })
	return err
}

// manifests builds the images that are missing and renders.
func (r *run) manifests(ctx context.Context, plan planned) ([]byte, error) {
	images, err := r.build(ctx, plan)
	if err != nil {
		return nil, err
	}
	return r.render(ctx, plan, images)
}

// keep makes the manifests durable.
func (r *run) keep(ctx context.Context, manifests []byte) error {
	type bundle struct{ name, digest string }
	kept, err := attempt(ctx, r, func(ctx context.Context) (bundle, error) {
		name, digest, err := r.Bundles.Put(ctx, r.Inputs, manifests)
		return bundle{name, digest}, err
	})
	r.status.Bundle, r.status.BundleDigest = kept.name, kept.digest
	return err
}

func (r *run) apply(ctx context.Context, manifests []byte) error {
	if err := r.enter(ctx, v1alpha1.PhaseApplying, "applying to namespace "+r.Stage.Spec.Namespace); err != nil {
		return err
	}
	manifests, err := Scaled(manifests, r.Stage.Status.Scale)
	if err != nil {
		return err
	}
	changes, err := attempt(ctx, r, func(ctx context.Context) (v1alpha1.Changes, error) {
		return r.Target.Apply(ctx, manifests)
	})
	r.status.Changes.Created += changes.Created
	r.status.Changes.Changed += changes.Changed
	r.status.Changes.Unchanged = changes.Unchanged
	if err != nil || r.Release.Spec.Trigger != v1alpha1.TriggerRestart {
		return err
	}
	_, err = attempt(ctx, r, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.Target.Restart(ctx, manifests, r.Release.Spec.Services, r.Release.Name)
	})
	return err
}

func (r *run) verify(ctx context.Context) error {
	if err := r.enter(ctx, v1alpha1.PhaseVerifying, verifying); err != nil {
		return err
	}
	_, err := attempt(ctx, r, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.Target.Verify(ctx, r.deadlines(), func(services []v1alpha1.ServiceStatus) { r.observe(ctx, services) })
	})
	return err
}

// deadlines returns how long services may take that say so in the file.
func (r *run) deadlines() map[string]time.Duration {
	deadlines := map[string]time.Duration{}
	for _, service := range r.status.Services {
		if d, err := time.ParseDuration(service.Deadline); err == nil {
			deadlines[service.Name] = d
		}
	}
	return deadlines
}

// observe shows progress; a lost update is made good by the next.
func (r *run) observe(ctx context.Context, services []v1alpha1.ServiceStatus) {
	if err := r.journal.Observe(ctx, r.describe(services)); err != nil && ctx.Err() == nil {
		r.Log.Warn("show progress", "release", r.Release.Name, "error", err)
	}
	r.tell(ctx, services)
}

// tell says in the release's message what keeps a service from becoming ready,
// long before it is certain that it never will.
func (r *run) tell(ctx context.Context, services []v1alpha1.ServiceStatus) {
	message := verifying
	for _, service := range services {
		if service.Message != "" {
			message = fault.Clip(verifying+"; "+service.Name+": "+service.Message, 4096)
			break
		}
	}
	if message == r.status.Message {
		return
	}
	r.status.Message = message
	if err := r.journal.Write(ctx, r.status); err != nil && ctx.Err() == nil {
		r.Log.Warn("tell what a release waits for", "release", r.Release.Name, "error", err)
	}
}

func (r *run) prune(ctx context.Context) error {
	pruned, err := attempt(ctx, r, func(ctx context.Context) (int32, error) { return r.Target.Prune(ctx) })
	r.status.Changes.Pruned += pruned
	return err
}

// enter begins a phase and makes that durable.
func (r *run) enter(ctx context.Context, phase v1alpha1.Phase, message string) error {
	r.mark(phase, message)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	_, err := persist(ctx, r, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.journal.Write(ctx, r.status)
	}, func(error) {}) // where it would be told can't be written
	return err
}

// mark notes a phase without making it durable. A phase entered again after a
// crash keeps its first time.
func (r *run) mark(phase v1alpha1.Phase, message string) {
	r.status.Message = message
	if n := len(r.status.Timings); n == 0 || r.status.Timings[n-1].Phase != phase {
		r.status.Timings = append(r.status.Timings, v1alpha1.PhaseTime{Phase: phase, At: metav1.MicroTime{Time: r.Now()}})
	}
	r.status.Phase = phase
}

// end makes the outcome of a story durable.
func (r *run) end(ctx context.Context, err error) error {
	var failure *Failure
	var held *heldError
	superseded := errors.Is(err, ErrSuperseded) || errors.Is(context.Cause(ctx), ErrSuperseded)
	switch {
	case err == nil:
		r.mark(v1alpha1.PhaseSucceeded, r.success())
	case superseded:
		r.mark(v1alpha1.PhaseSuperseded, "a newer release of the stage took over")
	case ctx.Err() != nil:
		return fmt.Errorf("release %s stopped: %w", r.Release.Name, context.Cause(ctx))
	case errors.As(err, &held):
		weighed := r.status.ObservedGeneration >= r.Release.Generation // every verdict
		if weighed && r.status.Phase == v1alpha1.PhaseHeld && r.status.Message == held.reason {
			return nil
		}
		r.mark(v1alpha1.PhaseHeld, held.reason)
	case errors.As(err, &failure):
		r.status.Cause = failure.Cause
		r.mark(v1alpha1.PhaseFailed, failure.Message)
		r.noteReturn(ctx)
	default:
		r.Log.Error("release failed", "release", r.Release.Name, "code", fault.CodeOf(err), "error", err)
		r.status.Cause = causeOf(r.status.Phase, err)
		r.mark(v1alpha1.PhaseFailed, fault.MessageOf(err))
		r.noteReturn(ctx)
	}
	r.status.Message = fault.Clip(r.status.Message, 4096)
	writeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := r.journal.Write(writeCtx, r.status); err != nil {
		return fmt.Errorf("write the end of release %s: %w", r.Release.Name, err)
	}
	return nil
}

// heldError stops a story until a person or a time lets it go on.
type heldError struct{ reason string }

func (e *heldError) Error() string { return "held: " + e.reason }
