package release

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/render"
)

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

// promotedDigests returns the digests that the promoted release runs
// references without one at.
func (r *run) promotedDigests(ctx context.Context) (map[string]string, error) {
	manifests, err := attempt(ctx, r, func(ctx context.Context) ([]byte, error) {
		return r.Bundles.Get(ctx, r.Inputs, r.From.Status.Bundle, r.From.Status.BundleDigest)
	})
	if err != nil {
		return nil, err
	}
	return render.Pinned(manifests)
}
