package runner

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release"
)

// run is one run of one release.
type run struct {
	*Runner
	release.Inputs
	journal     Journal
	status      v1alpha1.ReleaseStatus
	speculation *Speculation // nil for none
	origins     origins      // nil when nothing was rendered
}

// phases takes the release through its phases. The manifests are kept before
// anything is applied, so that a run after a crash continues from there.
func (r *run) phases(ctx context.Context) error {
	manifests, err := r.keptManifests(ctx)
	if err != nil {
		return err
	}
	switch {
	case manifests != nil:
		err = r.claim(ctx, manifests)
	case r.Release.Spec.Trigger.TakesBundle():
		manifests, err = r.takeBundle(ctx)
	default:
		manifests, err = r.prepare(ctx)
	}
	if err != nil {
		return err
	}
	partial, err := r.applied(r.apply(ctx, manifests))
	if err != nil {
		return err
	}
	if err := r.verify(ctx); err != nil {
		return besides(err, partial)
	}
	if partial != nil {
		return partial // nothing is pruned before all is good
	}
	return r.prune(ctx)
}

// applied records the services that were left as they were, and returns them as the
// failure that the release ends with; any other error it returns as it is.
func (r *run) applied(err error) (partial *release.Failure, _ error) {
	for i := range r.status.Services {
		r.status.Services[i].Refused = ""
	}
	if !errors.As(err, &partial) || len(partial.Refused) == 0 {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(partial.Refused)) {
		at := slices.IndexFunc(r.status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == name })
		if at < 0 {
			r.status.Services = append(r.status.Services, v1alpha1.ReleaseService{Name: name})
			at = len(r.status.Services) - 1
		}
		r.status.Services[at].Refused = printable.Passage(partial.Refused[name], maxRefused)
	}
	return partial, nil
}

// maxRefused bounds what is said about one refused service, in bytes.
const maxRefused = 1024

// besides adds to an error of the services that were released those that were not.
func besides(err error, partial *release.Failure) error {
	var failure *release.Failure
	if partial == nil || !errors.As(err, &failure) {
		return err
	}
	return &release.Failure{Cause: failure.Cause, Message: failure.Message + "\nBesides, " + partial.Message, Refused: partial.Refused}
}

// prepare plans, builds, renders, guards and keeps the manifests, while the
// stage's namespace is prepared concurrently.
func (r *run) prepare(ctx context.Context) ([]byte, error) {
	if done := r.takeSpeculation(ctx); done != nil {
		r.status = done.status
		if err := r.prepareNamespace(ctx); err != nil {
			return nil, err
		}
		r.origins = done.origins
		return done.manifests, r.provide(ctx, done.plan, done.manifests)
	}
	plan, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go func() { ready <- r.Target.Prepare(ctx, false) }()
	manifests, err := r.manifests(ctx, plan)
	if readyErr := <-ready; err == nil && readyErr != nil {
		err = r.prepareNamespace(ctx) // which says what it waits for
	}
	if err != nil {
		return nil, err
	}
	if err := r.provide(ctx, plan, manifests); err != nil {
		return nil, err
	}
	return manifests, r.keepManifests(ctx, plan, manifests)
}

// prepareNamespace prepares the stage's namespace.
func (r *run) prepareNamespace(ctx context.Context) error {
	_, err := attempt(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Target.Prepare(ctx, false) })
	return err
}

// provide claims the hosts of the manifests and makes the Secrets that the
// services need.
func (r *run) provide(ctx context.Context, plan planned, manifests []byte) error {
	if err := r.claim(ctx, manifests); err != nil {
		return err
	}
	_, err := attempt(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Target.Provide(ctx, plan.wanted()) })
	return err
}

// manifests builds the missing images and renders.
func (r *run) manifests(ctx context.Context, plan planned) ([]byte, error) {
	images, err := r.build(ctx, plan)
	if err != nil {
		return nil, err
	}
	return r.render(ctx, plan, images)
}

func (r *run) apply(ctx context.Context, manifests []byte) error {
	if err := r.enter(ctx, v1alpha1.PhaseApplying, "applying to namespace "+r.Stage.Spec.Namespace); err != nil {
		return err
	}
	manifests, err := release.Applied(manifests, r.Stage, r.Release.Spec.Trigger)
	if err != nil {
		return err
	}
	changes, err := attempt(ctx, r, func(ctx context.Context) (v1alpha1.Changes, error) {
		return r.Target.Apply(ctx, manifests, r.Release.Spec.Trigger.Sleeps())
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

func (r *run) prune(ctx context.Context) error {
	pruned, err := attempt(ctx, r, func(ctx context.Context) (int32, error) { return r.Target.Prune(ctx) })
	r.status.Changes.Pruned += pruned
	return err
}

// verifying is the message of a release while its services become ready.
const verifying = "waiting until everything is ready"

func (r *run) verify(ctx context.Context) error {
	if err := r.enter(ctx, v1alpha1.PhaseVerifying, verifying); err != nil {
		return err
	}
	_, err := attempt(ctx, r, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.Target.Verify(ctx, r.deadlines(), func(services []v1alpha1.ServiceStatus) { r.observe(ctx, services) })
	})
	return err
}

// deadlines returns the deadlines in the project file by service.
func (r *run) deadlines() map[string]time.Duration {
	deadlines := map[string]time.Duration{}
	for _, service := range r.status.Services {
		if d, err := time.ParseDuration(service.Deadline); err == nil {
			deadlines[service.Name] = d
		}
	}
	return deadlines
}

// observe writes how the services run. A write that fails is not repeated,
// because the next one follows.
func (r *run) observe(ctx context.Context, services []v1alpha1.ServiceStatus) {
	if err := r.journal.Observe(ctx, r.describeServices(services)); err != nil && ctx.Err() == nil {
		r.Log.Warn("write progress", "release", r.Release.Name, "error", err)
	}
	r.writeProgress(ctx, services)
}

// writeProgress writes into the release's message what keeps a service from
// becoming ready, long before its deadline.
func (r *run) writeProgress(ctx context.Context, services []v1alpha1.ServiceStatus) {
	message := verifying
	for _, service := range services {
		if service.Message != "" && !r.isRefused(service.Name) {
			message = printable.Passage(verifying+"; "+service.Name+": "+service.Message, 4096)
			break
		}
	}
	if message == r.status.Message {
		return
	}
	r.status.Message = message
	if err := r.journal.Write(ctx, r.status); err != nil && ctx.Err() == nil {
		r.Log.Warn("write what a release waits for", "release", r.Release.Name, "error", err)
	}
}

// presentImage returns the image that a service had before the release.
func (r *run) presentImage(service string) string {
	for _, s := range r.Stage.Status.Services {
		if s.Name == service {
			return s.Image
		}
	}
	return ""
}

// isRefused reports whether a service was left as it was.
func (r *run) isRefused(name string) bool {
	return slices.ContainsFunc(r.status.Services, func(s v1alpha1.ReleaseService) bool { return s.Name == name && s.Refused != "" })
}

// describeServices adds images and addresses to the services' readiness.
func (r *run) describeServices(services []v1alpha1.ServiceStatus) []v1alpha1.ServiceStatus {
	for i := range services {
		for _, s := range r.status.Services {
			if s.Name != services[i].Name {
				continue
			}
			services[i].Image, services[i].URL = s.Image, s.URL
			if s.Refused != "" {
				services[i].Image, services[i].Message = r.presentImage(s.Name), "left as it was: "+s.Refused
			}
		}
	}
	return services
}

// Delays between two tries while something is unavailable.
const (
	firstDelay = 250 * time.Millisecond
	maxDelay   = 15 * time.Second
)

// attempt calls fn, and calls it again while something that it needs is
// unavailable, for at most the runner's UnavailableTimeout. Meanwhile the
// release's status says what is unavailable.
func attempt[T any](ctx context.Context, r *run, fn func(context.Context) (T, error)) (T, error) {
	waited := false
	result, err := persist(ctx, r, fn, func(err error) {
		r.recordWaiting(ctx, err)
		waited = true
	})
	if waited {
		meta.RemoveStatusCondition(&r.status.Conditions, v1alpha1.ConditionWaiting)
	}
	return result, err
}

// recordWaiting records in the status what is unavailable. That can't be written
// while the API server itself is.
func (r *run) recordWaiting(ctx context.Context, err error) {
	message := printable.Passage("waiting: "+fault.MessageOf(err), 1024)
	meta.SetStatusCondition(&r.status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionWaiting, Status: metav1.ConditionTrue, Reason: "Unavailable", Message: message,
	})
	if r.status.Message == message {
		return
	}
	r.status.Message = message
	if err := r.journal.Write(ctx, r.status); err != nil && ctx.Err() == nil {
		r.Log.Warn("write what a release waits for", "release", r.Release.Name, "error", err)
	}
}

// persist calls fn, and calls it again while something that it needs is
// unavailable. It reports each failure before it waits for the next try.
func persist[T any](ctx context.Context, r *run, fn func(context.Context) (T, error), report func(error)) (T, error) {
	giveUp := r.Now().Add(r.UnavailableTimeout)
	for delay := firstDelay; ; delay = min(2*delay, maxDelay) {
		result, err := fn(ctx)
		if fault.CodeOf(err) != fault.Unavailable || ctx.Err() != nil || !r.Now().Add(delay).Before(giveUp) {
			return result, err
		}
		r.Log.Warn("release waits", "release", r.Release.Name, "error", err)
		report(err)
		select {
		case <-ctx.Done():
			return result, context.Cause(ctx)
		case <-time.After(delay):
		}
	}
}
