package operate

import (
	"context"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Rollback requests that an earlier release's bundle is applied as it is.
// Number 0 means the last good release before the present one.
func (s *Stage) Rollback(ctx context.Context, who Actor, sequence int64) (*v1alpha1.Release, error) {
	to, err := s.rollbackTarget(sequence)
	if err != nil {
		return nil, err
	}
	return s.request(ctx, who, v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerRollback, Head: to.Spec.Head, From: to.Name})
}

// rollbackTarget returns the release that Rollback goes back to.
func (s *Stage) rollbackTarget(sequence int64) (*v1alpha1.Release, error) {
	if sequence == 0 {
		return s.lastGood()
	}
	to, err := s.Release(sequence)
	if err != nil {
		return nil, err
	}
	if to.Status.Phase != v1alpha1.PhaseSucceeded || to.Status.Bundle == "" {
		return nil, fault.New(fault.Conflict, "release %d of %s never went live (%s: %s), so there is nothing to go back to; choose one that did from `slipway releases %s`",
			sequence, s, to.Status.Phase, to.Status.Message, s.Arguments())
	}
	return to, nil
}

// lastGood returns the release that the stage goes back to when nobody names
// one.
func (s *Stage) lastGood() (*v1alpha1.Release, error) {
	history := s.history()
	if len(history) == 0 {
		return nil, fault.New(fault.NotFound, "%s has no release yet, so there is none to go back to", s)
	}
	if good := history.RollbackTarget(s.Object.Status.Quarantine); good != nil {
		return good, nil
	}
	return nil, fault.New(fault.NotFound, "no release of %s before %d succeeded with something else; `slipway releases %s` lists what there is; name one of them",
		s, history.Present().Spec.Sequence, s.Arguments())
}
