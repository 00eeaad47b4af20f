package stage

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type deploy struct {
	stageCommand
	commit string
}

// NewDeploy returns the command deploy.
func NewDeploy(streams stream.Streams) *cobra.Command {
	d := &deploy{stageCommand: stageCommand{streams: streams}}
	command := &cobra.Command{
		Use:     "deploy PROJECT STAGE",
		Short:   "Release a commit to a stage: the newest of its branch, or one of your choice",
		GroupID: "life",
		Long: `Release a commit to a stage: the newest of its branch, or the one that --commit
names. It must be reachable from the branch or tag that feeds the stage. Images
that exist are reused.

A quarantined commit comes back this way, when an owner asks for it.`,
		Example: `  slipway deploy shop staging
  slipway deploy shop production --commit 4f2a9c1d --reason "the fix for the till"`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: d.CompleteStages,
		RunE:              func(command *cobra.Command, args []string) error { return d.run(command.Context(), args[0], args[1]) },
	}
	d.waits(command)
	command.Flags().StringVar(&d.commit, "commit", "", "the commit's id; a short one when the stage has had it before (default: the head of the stage's branch)")
	return command
}

func (d *deploy) run(ctx context.Context, project, name string) error {
	return d.requestAndWait(ctx, project, name, func(stage *operate.Stage, who operate.Actor) (*v1alpha1.Release, error) {
		return stage.Deploy(ctx, who, d.commit)
	})
}
