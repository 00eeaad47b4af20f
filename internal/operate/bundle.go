package operate

import (
	"cmp"
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/bundle"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

// Bundle reads the kept manifests of a release of the stage. It takes the right
// to read Secrets in the organization's namespace.
func (s *Stage) Bundle(ctx context.Context, rel *v1alpha1.Release) ([]byte, error) {
	if rel.Status.Bundle == "" {
		return nil, fault.New(fault.NotFound, "release %d of %s kept no manifests: it is %s: %s", rel.Spec.Sequence, s, cmp.Or(rel.Status.Phase, v1alpha1.PhasePending), rel.Status.Message)
	}
	owner := bundle.Stage{Namespace: s.Object.Namespace, Object: s.Object.Name}
	manifests, err := bundle.NewStore(s.client).Get(ctx, owner, rel.Status.Bundle, rel.Status.BundleDigest)
	if fault.CodeOf(err) == fault.Unavailable {
		return nil, fault.Wrap(fault.Denied, err, "the bundle of release %d could not be read: %v; it is a Secret in namespace %s, ask an owner of the organization for the right to read it", rel.Spec.Sequence, rootOf(err), s.Object.Namespace)
	}
	return manifests, err
}

// rootOf returns the innermost error.
func rootOf(err error) error {
	for {
		wrapper, wraps := err.(interface{ Unwrap() error })
		if !wraps || wrapper.Unwrap() == nil {
			return err
		}
		err = wrapper.Unwrap()
	}
}

// Desired returns what the stage should consist of: the bundle of the release
// that is live, with the replicas that people asked for, or none while it is asleep.
func (s *Stage) Desired(ctx context.Context) (desired.Set, error) {
	live := s.history().Asleep()
	if live == nil {
		var err error
		if live, err = s.Live(); err != nil {
			return desired.Set{}, err
		}
	}
	manifests, err := s.Bundle(ctx, live)
	if err != nil {
		return desired.Set{}, err
	}
	if manifests, err = release.Applied(manifests, s.Object, live.Spec.Trigger); err != nil {
		return desired.Set{}, fmt.Errorf("put the replicas of %s into its manifests: %w", s, err)
	}
	organization, isOrganization := naming.OrganizationOf(s.Object.Namespace)
	if !isOrganization {
		return desired.Set{}, fault.New(fault.Invalid, "stage %s is in namespace %s, which is no organization's", s, s.Object.Namespace)
	}
	return desired.Set{
		Owner:     inventory.Owner{Organization: organization, Project: s.Object.Spec.Project, Stage: s.Object.Spec.Name},
		Namespace: s.Object.Spec.Namespace,
		Manifests: manifests,
	}, nil
}

// IsCurrent reports whether no later release of the stage came as far as
// applying, so that the stage's pods can be of this one.
func (s *Stage) IsCurrent(rel *v1alpha1.Release) bool {
	for i := range s.Releases {
		if newer := &s.Releases[i]; newer.Spec.Sequence > rel.Spec.Sequence && release.CameToApplying(newer.Status) {
			return false
		}
	}
	return true
}
