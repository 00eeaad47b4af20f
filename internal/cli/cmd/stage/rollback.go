package stage

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type rollback struct {
	stageCommand
	to int64
}

// NewRollback returns the command rollback.
func NewRollback(streams stream.Streams) *cobra.Command {
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
		ValidArgsFunction: r.CompleteStages,
		RunE:              func(command *cobra.Command, args []string) error { return r.run(command.Context(), args[0], args[1]) },
	}
	r.waits(command)
	command.Flags().Int64Var(&r.to, "to", 0, "the number of the release to go back to (slipway releases PROJECT STAGE)")
	return command
}

func (r *rollback) run(ctx context.Context, project, name string) error {
	return r.requestAndWait(ctx, project, name, func(stage *operate.Stage, who operate.Actor) (*v1alpha1.Release, error) {
		return stage.Rollback(ctx, who, r.to)
	})
}
