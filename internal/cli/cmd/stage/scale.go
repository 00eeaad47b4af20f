package stage

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
)

// maxReplicas is how many replicas of a service may be asked for.
const maxReplicas = 1000

type scale struct {
	stageCommand
	reset bool
}

// NewScale returns the command scale.
func NewScale(streams stream.Streams) *cobra.Command {
	s := &scale{stageCommand: stageCommand{streams: streams}}
	command := &cobra.Command{
		Use:     "scale PROJECT STAGE SERVICE (N | --reset)",
		Short:   "Give a service a number of replicas, or the project file's again",
		GroupID: "life",
		Long: `Give a service of a stage a number of replicas. It holds through later releases,
whatever the project file says, until --reset gives the file the say again.`,
		Example: `  slipway scale shop production web 6
  slipway scale shop production worker 0
  slipway scale shop production web --reset`,
		Args:              cobra.RangeArgs(3, 4),
		ValidArgsFunction: s.CompleteServices,
		RunE:              func(command *cobra.Command, args []string) error { return s.run(command.Context(), args) },
	}
	s.waits(command)
	command.Flags().BoolVar(&s.reset, "reset", false, "take back what was asked for before")
	return command
}

func (s *scale) run(ctx context.Context, args []string) error {
	replicas, err := s.replicas(args[3:])
	if err != nil {
		return err
	}
	stage, who, err := s.open(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	if err := stage.SetReplicas(ctx, args[2], replicas); err != nil {
		return err
	}
	wanted := "as the project file says"
	if replicas != nil {
		wanted = fmt.Sprintf("%d replicas", *replicas)
	}
	s.say("%s: %s is to have %s", stage, args[2], wanted)
	rel, err := stage.ApplyReplicas(ctx, who)
	switch {
	case err != nil:
		return err
	case rel == nil:
		s.say("nothing has gone live in %s yet; its first release will have that number", stage)
		return s.result(stage.Object)
	}
	return s.wait(ctx, stage, rel)
}

// replicas reads the number that was asked for, nil for a reset.
func (s *scale) replicas(args []string) (*int32, error) {
	switch {
	case s.reset && len(args) == 0:
		return nil, nil
	case s.reset, len(args) == 0:
		return nil, exit.WrongUsage(fmt.Errorf("give either a number of replicas or --reset"))
	}
	wide, err := strconv.ParseInt(args[0], 10, 32)
	if err != nil || wide < 0 || wide > maxReplicas {
		return nil, exit.WrongUsage(fmt.Errorf("%.40q is no number of replicas; give one from 0 to %d", args[0], maxReplicas))
	}
	n := int32(wide)
	return &n, nil
}
