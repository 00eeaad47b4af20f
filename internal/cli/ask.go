package cli

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

// maxAsks is how often a release is asked for under the next number, when
// somebody else took the one before.
const maxAsks = 5

// ask is what a person wants of a stage.
type ask struct {
	trigger v1alpha1.Trigger
	head    v1alpha1.Head
	// from names the release whose bundle or digests are taken.
	from   string
	reason string
	// services are the only ones that a restart means; none means all.
	services []string
}

// ask creates the release, as the user that the command line acts as.
func (s *subject) ask(ctx context.Context, what ask) (*v1alpha1.Release, error) {
	user, err := whoAmI(ctx, s.client)
	if err != nil {
		return nil, err
	}
	for range maxAsks {
		rel := s.order(s.next(), user, what)
		err := s.client.Create(ctx, rel)
		if err == nil {
			return rel, nil
		}
		if !apierrors.IsAlreadyExists(err) {
			return nil, explained(err, "ask as %s for a release of %s", user, s)
		}
		if err := s.refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Conflict, "releases of %s are being made faster than this one could be asked for; see `slipway releases %s` and try again", s, s.args())
}

// next returns the number of the stage's next release.
func (s *subject) next() int64 {
	newest := s.stage.Status.Sequence
	if len(s.releases) > 0 {
		newest = max(newest, s.releases[0].Spec.Sequence)
	}
	return newest + 1
}

// order returns the Release object. It belongs to its stage as those that the
// server makes do.
func (s *subject) order(sequence int64, user string, what ask) *v1alpha1.Release {
	controls := true
	return &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.stage.Namespace,
			Name:      naming.Release(s.stage.Name, sequence),
			Labels:    s.stage.Labels,
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.GroupVersion().String(), Kind: "Stage",
				Name: s.stage.Name, UID: s.stage.UID, Controller: &controls,
			}},
		},
		Spec: v1alpha1.ReleaseSpec{
			Project:  s.stage.Spec.Project,
			Stage:    s.stage.Name,
			Sequence: sequence,
			Head:     what.head,
			Trigger:  what.trigger,
			From:     what.from,
			By:       user,
			Reason:   what.reason,
			Services: what.services,
		},
	}
}
