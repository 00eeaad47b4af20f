package runner

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// keptManifests returns the manifests that an earlier run of this release kept,
// nil when it kept none.
func (r *run) keptManifests(ctx context.Context) ([]byte, error) {
	if r.status.Bundle == "" {
		return nil, nil
	}
	return attempt(ctx, r, func(ctx context.Context) ([]byte, error) {
		return r.Bundles.Get(ctx, r.Inputs, r.status.Bundle, r.status.BundleDigest)
	})
}

// keepManifests makes the manifests durable, with what they were made from.
func (r *run) keepManifests(ctx context.Context, p planned, manifests []byte) error {
	type bundle struct{ name, digest string }
	from := r.fingerprint(p)
	kept, err := attempt(ctx, r, func(ctx context.Context) (bundle, error) {
		name, digest, err := r.Bundles.Put(ctx, r.Inputs, manifests, from)
		return bundle{name, digest}, err
	})
	r.status.Bundle, r.status.BundleDigest = kept.name, kept.digest
	return err
}

// takeBundle makes another release's bundle this one's. Nothing is read from git,
// built or rendered. The guard checks the manifests again, because the cluster's
// policy may have changed since.
func (r *run) takeBundle(ctx context.Context) ([]byte, error) {
	from, err := attempt(ctx, r, func(ctx context.Context) (*v1alpha1.Release, error) { return r.Whole(ctx, r.From) })
	if fault.CodeOf(err) == fault.NotFound || err == nil && (from == nil || from.Status.Bundle == "") {
		return nil, r.sourceGone()
	}
	if err != nil {
		return nil, err
	}
	r.mark(v1alpha1.PhasePending, "taking the bundle of release "+from.Name)
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

// sourceGone is the failure of a release whose source was deleted.
func (r *run) sourceGone() error {
	return &release.Failure{Cause: release.CauseInvalid, Message: fmt.Sprintf("release %s is gone, so nothing can be taken from it; choose another one from `slipway releases %s %s`",
		r.Release.Spec.From, r.Release.Spec.Project, r.Stage.Spec.Name)}
}

// promotedDigests returns the digests at which the promoted release runs image
// references that name none.
func (r *run) promotedDigests(ctx context.Context) (map[string]string, error) {
	manifests, err := attempt(ctx, r, func(ctx context.Context) ([]byte, error) {
		return r.Bundles.Get(ctx, r.Inputs, r.From.Status.Bundle, r.From.Status.BundleDigest)
	})
	if err != nil {
		return nil, err
	}
	return render.Pinned(manifests)
}
