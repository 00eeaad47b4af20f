package operate

import (
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/release"
)

// maxRequests is how often a release is requested under the next number, when
// somebody else took the one before.
const maxRequests = 5

// Actor is a person who asks for something, and the reason that they give for
// those who read it later.
type Actor struct {
	// Name is the user that the control cluster knows the person as, see
	// WhoAmI. The server accepts no other.
	Name   string
	Reason string
}

// Promote requests a release of exactly the images, by digest, of the last
// release that succeeded in another stage.
func (s *Stage) Promote(ctx context.Context, who Actor, source *Stage) (*v1alpha1.Release, error) {
	good := source.Good()
	if good == nil {
		return nil, fault.New(fault.Conflict, "nothing has succeeded in %s yet, so there is nothing to promote; see `slipway releases %s`", source, source.Arguments())
	}
	return s.request(ctx, who, v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerPromotion, Head: good.Spec.Head, From: good.Name})
}

// Restart requests that services start anew with the images and settings that
// they have; no names means all services.
func (s *Stage) Restart(ctx context.Context, who Actor, services ...string) (*v1alpha1.Release, error) {
	live, err := s.Live()
	if err != nil {
		return nil, err
	}
	if err := s.checkServices(services...); err != nil {
		return nil, err
	}
	services = slices.Compact(slices.Sorted(slices.Values(services)))
	return s.request(ctx, who, v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerRestart, Head: live.Spec.Head, From: live.Name, Services: services})
}

// request creates a Release of the stage. The spec says its trigger, head,
// source and services; the rest is filled in.
func (s *Stage) request(ctx context.Context, who Actor, spec v1alpha1.ReleaseSpec) (*v1alpha1.Release, error) {
	spec.Project, spec.Stage, spec.By, spec.Reason = s.Object.Spec.Project, s.Object.Name, who.Name, who.Reason
	for range maxRequests {
		spec.Sequence = release.NextNumber(s.Object, s.Releases)
		rel := s.releaseObject(spec)
		err := s.client.Create(ctx, rel)
		if err == nil {
			return rel, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return nil, Explain(err, "ask as %s for a release of %s", who.Name, s)
		}
		if err := s.refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Conflict, "releases of %s are being made faster than this one could be asked for; see `slipway releases %s` and try again", s, s.Arguments())
}

// releaseObject returns a Release that belongs to its stage as those do that
// the server makes.
func (s *Stage) releaseObject(spec v1alpha1.ReleaseSpec) *v1alpha1.Release {
	controls := true
	return &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Object.Namespace,
			Name:      naming.Release(s.Object.Name, spec.Sequence),
			Labels:    s.Object.Labels,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion().String(), Kind: "Stage",
				Name: s.Object.Name, UID: s.Object.UID, Controller: &controls,
			}},
		},
		Spec: spec,
	}
}
