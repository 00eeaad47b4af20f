package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

type rollback struct {
	stageCommand
	to int64
}

func newRollback(streams Streams) *cobra.Command {
	r := &rollback{stageCommand: stageCommand{streams: streams}}
	command := &cobra.Command{
		Use:     "rollback PROJECT STAGE",
		Short:   "Bring a stage back to an earlier release, from its kept bundle",
		GroupID: "life",
		Long: `Bring a stage back to an earlier release: its kept bundle is applied as it is,
without git, build or render. Without --to it is the last release before the
present one that succeeded with something else than what runs now.

The commit that was left is quarantined: it doesn't come back by itself. A later
commit on top of it is released as always, and an owner may ask for the commit
itself with 'slipway deploy'.`,
		Example: `  slipway rollback shop production
  slipway rollback shop production --to 41 --reason "orders are lost since 42"`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: r.completeStages,
		RunE:              func(command *cobra.Command, args []string) error { return r.run(command.Context(), args[0], args[1]) },
	}
	r.waits(command)
	command.Flags().Int64Var(&r.to, "to", 0, "the number of the release to go back to (slipway releases PROJECT STAGE)")
	return command
}

func (r *rollback) run(ctx context.Context, project, stage string) error {
	about, err := r.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	to, err := about.rollbackTo(r.to)
	if err != nil {
		return err
	}
	return r.carryOut(ctx, about, ask{trigger: v1alpha1.TriggerRollback, head: to.Spec.Head, from: to.Name})
}

// rollbackTo returns the release to go back to.
func (s *subject) rollbackTo(sequence int64) (*v1alpha1.Release, error) {
	if sequence == 0 {
		return s.lastGood()
	}
	to, err := s.release(sequence)
	if err != nil {
		return nil, err
	}
	if to.Status.Phase != v1alpha1.PhaseSucceeded || to.Status.Bundle == "" {
		return nil, fault.New(fault.Conflict, "release %d of %s never went live (%s: %s), so there is nothing to go back to; choose one that did from `slipway releases %s`",
			sequence, s, to.Status.Phase, to.Status.Message, s.args())
	}
	return to, nil
}

// lastGood returns the newest release before the present one that succeeded,
// with another bundle than the present one's and no quarantined commit.
func (s *subject) lastGood() (*v1alpha1.Release, error) {
	at := max(0, slices.IndexFunc(s.releases, func(r v1alpha1.Release) bool { return applied(&r) }))
	for i := at + 1; i < len(s.releases); i++ {
		rel := &s.releases[i]
		if rel.Status.Phase != v1alpha1.PhaseSucceeded || rel.Status.Bundle == "" || rel.Status.BundleDigest == s.releases[at].Status.BundleDigest {
			continue
		}
		if q := s.stage.Status.Quarantine; q != nil && q.Commit == rel.Spec.Head.Commit {
			continue
		}
		return rel, nil
	}
	if len(s.releases) == 0 {
		return nil, fault.New(fault.NotFound, "%s has no release yet, so there is none to go back to", s)
	}
	return nil, fault.New(fault.NotFound, "no release of %s before %d succeeded with something else; `slipway releases %s` lists what there is, --to takes one of them",
		s, s.releases[at].Spec.Sequence, s.args())
}

// applied reports whether a release came as far as writing to its stage.
func applied(rel *v1alpha1.Release) bool {
	return rel.Status.Phase == v1alpha1.PhaseSucceeded || slices.ContainsFunc(rel.Status.Timings, func(t v1alpha1.PhaseTime) bool {
		return t.Phase == v1alpha1.PhaseApplying
	})
}
