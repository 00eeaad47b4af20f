package stage

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

// NewPause returns the command pause.
func NewPause(streams stream.Streams) *cobra.Command {
	p := &stageCommand{streams: streams}
	command := &cobra.Command{
		Use:     "pause PROJECT STAGE",
		Short:   "Stop a stage's automatic releases",
		GroupID: "life",
		Long: `Stop a stage's automatic releases: pushes wait until 'slipway resume'. What runs
goes on running and is kept as it should be. A rollback, a restart and a scale
are still done; a deploy and a promotion are refused until then.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.CompleteStages,
		RunE:              func(command *cobra.Command, args []string) error { return p.pause(command.Context(), args[0], args[1]) },
	}
	p.Flags(command)
	output.AddFlag(command, &p.format)
	command.Flags().StringVar(&p.reason, "reason", "", "why, for those who wonder where their push is")
	return command
}

// NewResume returns the command resume.
func NewResume(streams stream.Streams) *cobra.Command {
	p := &stageCommand{streams: streams}
	command := &cobra.Command{
		Use:     "resume PROJECT STAGE",
		Short:   "Let a paused stage release automatically again",
		GroupID: "life",
		Long: `Let a paused stage release automatically again. What was pushed last while it was
paused is released now.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: p.CompleteStages,
		RunE: func(command *cobra.Command, args []string) error {
			return p.resume(command.Context(), args[0], args[1])
		},
	}
	p.Flags(command)
	output.AddFlag(command, &p.format)
	return command
}

func (p *stageCommand) pause(ctx context.Context, project, name string) error {
	stage, who, err := p.open(ctx, project, name)
	if err != nil {
		return err
	}
	changed, err := stage.Pause(ctx, who)
	if err != nil {
		return err
	}
	paused := operate.PausedBy(stage.Object.Spec.Pause)
	if changed {
		p.say("%s is paused, %s; `slipway resume %s` ends it", stage, paused, stage.Arguments())
	} else {
		p.say("%s is paused already, %s", stage, paused)
	}
	return p.result(stage.Object)
}

func (p *stageCommand) resume(ctx context.Context, project, name string) error {
	stage, err := p.Stage(ctx, project, name)
	if err != nil {
		return err
	}
	ended, err := stage.Resume(ctx)
	if err != nil {
		return err
	}
	if ended == nil {
		p.say("%s is not paused", stage)
	} else {
		p.say("%s goes on; it was paused %s", stage, operate.PausedBy(ended))
	}
	return p.result(stage.Object)
}
