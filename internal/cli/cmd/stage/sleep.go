package stage

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/operate"
)

// NewSleep returns the command sleep.
func NewSleep(streams stream.Streams) *cobra.Command {
	s := &stageCommand{streams: streams}
	command := &cobra.Command{
		Use:     "sleep PROJECT STAGE",
		Short:   "Take the pods of a preview away and keep everything else",
		GroupID: "life",
		Long: `Take the pods of a preview away, or of a stage whose rule has 'sleep'. Volumes,
Secrets, addresses and settings stay; scheduled services don't run. The next visit
wakes a preview behind the gate; a push wakes every stage, and so does 'slipway wake'.`,
		Example:           `  slipway sleep shop pr-7`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: s.CompleteStages,
		RunE: func(command *cobra.Command, args []string) error {
			return s.rest(command.Context(), args, "asleep", (*operate.Stage).Sleep)
		},
	}
	s.waits(command)
	return command
}

// NewWake returns the command wake.
func NewWake(streams stream.Streams) *cobra.Command {
	s := &stageCommand{streams: streams}
	command := &cobra.Command{
		Use:     "wake PROJECT STAGE",
		Short:   "Give a stage that sleeps its pods again",
		GroupID: "life",
		Long: `Give a stage that sleeps its pods again, with the very same images and settings,
and wait until it is ready.`,
		Example:           `  slipway wake shop pr-7`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: s.CompleteStages,
		RunE: func(command *cobra.Command, args []string) error {
			return s.rest(command.Context(), args, "awake", (*operate.Stage).Wake)
		},
	}
	s.waits(command)
	return command
}

// rest asks for what makes a stage asleep or awake, unless it is so already.
func (s *stageCommand) rest(ctx context.Context, args []string, state string, request func(*operate.Stage, context.Context, operate.Actor) (*v1alpha1.Release, error)) error {
	stage, who, err := s.open(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	rel, err := request(stage, ctx, who)
	switch {
	case err != nil:
		return err
	case rel == nil:
		s.say("%s is %s already", stage, state)
		return s.result(stage.Object)
	}
	return s.wait(ctx, stage, rel)
}
