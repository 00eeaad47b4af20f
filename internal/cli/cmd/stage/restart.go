package stage

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

// NewRestart returns the command restart.
func NewRestart(streams stream.Streams) *cobra.Command {
	r := &stageCommand{streams: streams}
	command := &cobra.Command{
		Use:     "restart PROJECT STAGE [SERVICE…]",
		Short:   "Start services of a stage anew, with the very same images and settings",
		GroupID: "life",
		Long: `Start services of a stage anew, all of them or those that are named, one pod
after the other as in any release, with the very same images and settings.`,
		Example: `  slipway restart shop production
  slipway restart shop production web worker`,
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: r.CompleteServices,
		RunE: func(command *cobra.Command, args []string) error {
			return r.restart(command.Context(), args[0], args[1], args[2:])
		},
	}
	r.waits(command)
	return command
}

func (s *stageCommand) restart(ctx context.Context, project, name string, services []string) error {
	return s.requestAndWait(ctx, project, name, func(stage *operate.Stage, who operate.Actor) (*v1alpha1.Release, error) {
		return stage.Restart(ctx, who, services...)
	})
}
