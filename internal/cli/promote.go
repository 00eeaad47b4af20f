package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

type promote struct {
	stageCommand
	from string
}

func newPromote(streams Streams) *cobra.Command {
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
		ValidArgsFunction: p.completeStages,
		RunE:              func(command *cobra.Command, args []string) error { return p.run(command.Context(), args[0], args[1]) },
	}
	p.waits(command)
	command.Flags().StringVar(&p.from, "from", "", "the stage whose images to take (default: what the project file says in promoteFrom)")
	return command
}

func (p *promote) run(ctx context.Context, project, stage string) error {
	about, err := p.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	source, err := p.source(ctx, about, project)
	if err != nil {
		return err
	}
	good := source.good()
	if good == nil {
		return fault.New(fault.Conflict, "nothing has succeeded in %s yet, so there is nothing to promote; see `slipway releases %s`", source, source.args())
	}
	return p.carryOut(ctx, about, ask{trigger: v1alpha1.TriggerPromotion, head: good.Spec.Head, from: good.Name})
}

// source finds the stage whose images are taken.
func (p *promote) source(ctx context.Context, about *subject, project string) (*subject, error) {
	name := cmp.Or(p.from, about.stage.Spec.PromoteFrom)
	switch name {
	case "":
		return nil, &usageError{fmt.Errorf("from which stage? the project file names none for %s in promoteFrom; say --from", about)}
	case about.stage.Spec.Name:
		return nil, &usageError{fmt.Errorf("%s can't be promoted to itself; `slipway restart` starts it again", about)}
	}
	stage, err := p.stage(ctx, about.client, project, name)
	if err != nil {
		return nil, err
	}
	source := &subject{client: about.client, stage: stage}
	return source, source.refresh(ctx)
}
