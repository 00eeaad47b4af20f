package stage

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

type promote struct {
	stageCommand
	from string
}

// NewPromote returns the command promote.
func NewPromote(streams stream.Streams) *cobra.Command {
	p := &promote{stageCommand: stageCommand{streams: streams}}
	command := &cobra.Command{
		Use:     "promote PROJECT STAGE",
		Short:   "Bring to a stage exactly the images that run in another one",
		GroupID: "life",
		Long: `Bring to a stage exactly the images, by digest, of the last release that
succeeded in another stage. Nothing is built; the commit is rendered again with
this stage's own overlay and settings.`,
		Example: `  slipway promote shop production
  slipway promote shop production --from staging`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.CompleteStages,
		RunE:              func(command *cobra.Command, args []string) error { return p.run(command.Context(), args[0], args[1]) },
	}
	p.waits(command)
	command.Flags().StringVar(&p.from, "from", "", "the stage whose images to take (default: what the project file says in promoteFrom)")
	return command
}

func (p *promote) run(ctx context.Context, project, name string) error {
	return p.requestAndWait(ctx, project, name, func(stage *operate.Stage, who operate.Actor) (*v1alpha1.Release, error) {
		source, err := p.source(ctx, stage)
		if err != nil {
			return nil, err
		}
		return stage.Promote(ctx, who, source)
	})
}

// source finds the stage whose images are taken.
func (p *promote) source(ctx context.Context, stage *operate.Stage) (*operate.Stage, error) {
	name := cmp.Or(p.from, stage.Object.Spec.PromoteFrom)
	switch name {
	case "":
		return nil, exit.WrongUsage(fmt.Errorf("from which stage? the project file names none for %s in promoteFrom; say --from", stage))
	case stage.Object.Spec.Name:
		return nil, exit.WrongUsage(fmt.Errorf("%s can't be promoted to itself; `slipway restart` starts it again", stage))
	}
	return stage.Sibling(ctx, name)
}
