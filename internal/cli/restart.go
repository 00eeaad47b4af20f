package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
)

func newRestart(streams Streams) *cobra.Command {
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
		ValidArgsFunction: r.completeServices,
		RunE: func(command *cobra.Command, args []string) error {
			return r.restart(command.Context(), args[0], args[1], args[2:])
		},
	}
	r.waits(command)
	return command
}

func (s *stageCommand) restart(ctx context.Context, project, stage string, services []string) error {
	about, err := s.subject(ctx, project, stage)
	if err != nil {
		return err
	}
	good, err := about.live()
	if err != nil {
		return err
	}
	if err := about.haveServices(services); err != nil {
		return err
	}
	slices.Sort(services)
	return s.carryOut(ctx, about, ask{trigger: v1alpha1.TriggerRestart, head: good.Spec.Head, from: good.Name, services: slices.Compact(services)})
}

// live returns the release that runs: the newest that succeeded.
func (s *subject) live() (*v1alpha1.Release, error) {
	if good := s.good(); good != nil {
		return good, nil
	}
	return nil, fault.New(fault.Conflict, "nothing has gone live in %s yet; see `slipway releases %s`", s, s.args())
}

// services returns the names of the stage's services, as far as they are
// known.
func (s *subject) services() []string {
	var names []string
	for _, service := range s.stage.Status.Services {
		names = append(names, service.Name)
	}
	if good := s.good(); good != nil {
		for _, service := range good.Status.Services {
			names = append(names, service.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// haveServices refuses names that no service of the stage has.
func (s *subject) haveServices(names []string) error {
	known := s.services()
	for _, name := range names {
		if len(known) > 0 && !slices.Contains(known, name) {
			return fault.New(fault.NotFound, "%s has no service %.60q; it has %s", s, name, someOf(known))
		}
	}
	return nil
}
