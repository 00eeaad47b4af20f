package release

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// checkRollback refuses to go back from nothing, and says what is quarantined
// from now on: the commit that was brought last, whatever became of it.
func (w *askedRelease) checkRollback(answer *Answer) *Failure {
	if refused := w.requireOwnSource(); refused != nil {
		return refused
	}
	bad := w.history.LastDeploy()
	if bad == nil {
		return refuse(CauseConflict, "stage %s was brought to no commit yet, so there is nothing to go back from; `slipway deploy %s %s`", w.Stage.Spec.Name, w.Project.Name, w.Stage.Spec.Name)
	}
	if bad.Name == w.From.Name {
		return refuse(CauseConflict, "release %s is the newest commit of stage %s, so there is nothing to go back from; choose an older one", bad.Name, w.Stage.Spec.Name)
	}
	answer.Quarantine = w.history.Quarantine(w.Stage.Status.Quarantine)
	if answer.Quarantine == nil || answer.Quarantine.Release != bad.Name {
		answer.Quarantine = QuarantineOf(bad, w.Release)
	}
	return nil
}

// take makes another release's bundle this one's: nothing is read from git,
// built or rendered. The guard looks at it again, because the cluster's policy
// may have changed since.
func (r *run) take(ctx context.Context) ([]byte, error) {
	from := r.From
	if from == nil || from.Status.Bundle == "" {
		return nil, &Failure{Cause: CauseInvalid, Message: fmt.Sprintf("release %s, whose bundle is wanted, is gone; choose another: `slipway releases %s %s`", r.Release.Spec.From, r.Release.Spec.Project, r.Stage.Spec.Name)}
	}
	r.mark(v1alpha1.PhasePending, "taking what release "+from.Name+" applied")
	manifests, err := attempt(ctx, r, func(ctx context.Context) ([]byte, error) {
		return r.Bundles.Get(ctx, r.Inputs, from.Status.Bundle, from.Status.BundleDigest)
	})
	if err != nil {
		return nil, err
	}
	var services []string
	for _, service := range from.Status.Services {
		services = append(services, service.Name)
	}
	if err := r.guard(ctx, manifests, services); err != nil {
		return nil, err
	}
	if err := r.claim(ctx, manifests); err != nil {
		return nil, err
	}
	if _, err := attempt(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, r.Target.Prepare(ctx, false) }); err != nil {
		return nil, err
	}
	r.status.Bundle, r.status.BundleDigest, r.status.URL = from.Status.Bundle, from.Status.BundleDigest, from.Status.URL
	r.status.Services, r.status.Built, r.status.Reused = nil, 0, 0
	for _, service := range from.Status.Services {
		service.Job, service.Why, service.Reused = "", "as in release "+from.Name, service.InputHash != ""
		if service.Reused {
			r.status.Reused++
		}
		r.status.Services = append(r.status.Services, service)
	}
	return manifests, nil
}
