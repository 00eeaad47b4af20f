package cli

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// maxReplicas is how many replicas of a service may be asked for.
const maxReplicas = 1000

type scale struct {
	stageCommand
	reset bool
}

func newScale(streams Streams) *cobra.Command {
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
		ValidArgsFunction: s.completeServices,
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
	about, err := s.subject(ctx, args[0], args[1])
	if err != nil {
		return err
	}
	if err := about.haveServices(args[2:3]); err != nil {
		return err
	}
	if err := s.keep(ctx, about, args[2], replicas); err != nil {
		return err
	}
	good := about.good()
	if good == nil {
		s.say("nothing has gone live in %s yet; its first release will have it so", about)
		return s.result(about.stage)
	}
	return s.carryOut(ctx, about, ask{trigger: v1alpha1.TriggerScale, head: good.Spec.Head, from: good.Name})
}

// replicas reads the number that was asked for, nil for a reset.
func (s *scale) replicas(args []string) (*int32, error) {
	switch {
	case s.reset && len(args) == 0:
		return nil, nil
	case s.reset, len(args) == 0:
		return nil, &usageError{fmt.Errorf("give either a number of replicas or --reset")}
	}
	wide, err := strconv.ParseInt(args[0], 10, 32)
	if err != nil || wide < 0 || wide > maxReplicas {
		return nil, &usageError{fmt.Errorf("%.40q is no number of replicas; give one from 0 to %d", args[0], maxReplicas)}
	}
	n := int32(wide)
	return &n, nil
}

// keep writes the number to the stage, where it outlives releases.
func (s *scale) keep(ctx context.Context, about *subject, service string, replicas *int32) error {
	after := about.stage.DeepCopy()
	after.Spec.Scale = maps.Clone(after.Spec.Scale)
	if after.Spec.Scale == nil {
		after.Spec.Scale = map[string]int32{}
	}
	said := "as the project file says"
	if replicas != nil {
		after.Spec.Scale[service] = *replicas
		said = fmt.Sprintf("%d replicas", *replicas)
	} else {
		delete(after.Spec.Scale, service)
	}
	if err := about.change(ctx, after, "scale "+service+" of"); err != nil {
		return err
	}
	about.stage = after
	s.say("%s: %s is to have %s", about, service, said)
	return nil
}
