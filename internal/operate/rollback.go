package operate

import (
	"context"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
)

// Rollback requests that an earlier release's bundle is applied as it is.
// Number 0 means the last good release before the present one.
func (s *Stage) Rollback(ctx context.Context, who Actor, sequence int64) (*v1alpha1.Release, error) {
	to, err := s.RollbackTarget(sequence)
	if err != nil {
		return nil, err
	}
	return s.request(ctx, who, v1alpha1.ReleaseSpec{Trigger: v1alpha1.TriggerRollback, Head: to.Spec.Head, From: to.Name})
}

// RollbackTarget returns the release that Rollback goes back to.
func (s *Stage) RollbackTarget(sequence int64) (*v1alpha1.Release, error) {
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

// lastGood returns the newest release before the present one that succeeded,
// with another bundle than the present one's and no quarantined commit.
func (s *Stage) lastGood() (*v1alpha1.Release, error) {
	history := s.history()
	if len(history) == 0 {
		return nil, fault.New(fault.NotFound, "%s has no release yet, so there is none to go back to", s)
	}
	at := max(0, slices.IndexFunc(history, func(r v1alpha1.Release) bool { return release.CameToApplying(r.Status) }))
	for earlier := history[at+1:]; ; {
		good := earlier.Good()
		if good == nil {
			return nil, fault.New(fault.NotFound, "no release of %s before %d succeeded with something else; `slipway releases %s` lists what there is; name one of them",
				s, history[at].Spec.Sequence, s.Arguments())
		}
		if good.Status.Bundle != "" && good.Status.BundleDigest != history[at].Status.BundleDigest && !s.isQuarantined(good.Spec.Head.Commit) {
			return good, nil
		}
		earlier = earlier.Before(good)
	}
}

func (s *Stage) isQuarantined(commit string) bool {
	quarantine := s.Object.Status.Quarantine
	return quarantine != nil && quarantine.Commit == commit
}
