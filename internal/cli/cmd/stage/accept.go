package stage

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/operate"
)

// accept accepts the held project file of a project.
func (s *stageCommand) accept(ctx context.Context, name string) error {
	made, err := s.Client()
	if err != nil {
		return err
	}
	projects := operate.Projects{Client: made}
	project, err := projects.Find(ctx, s.Scope(), name)
	if errors.Is(err, operate.ErrAmbiguous) {
		return exit.WrongUsage(fmt.Errorf("%s; say which with --organization", exit.MessageOf(err)))
	}
	if err != nil {
		return err
	}
	user, err := operate.WhoAmI(ctx, made)
	if err != nil {
		return err
	}
	asked, err := projects.Accept(ctx, operate.Actor{Name: user, Reason: s.reason}, project)
	if err != nil {
		return err
	}
	for _, line := range operate.HeldText(project.Status.Held) {
		s.say("%s", line)
	}
	if s.noWait {
		s.say("`kubectl get acceptances %s` shows whether it counts", asked.Name)
		return s.result(asked)
	}
	decided, err := projects.AwaitAcceptance(ctx, asked, func() { control.ReportUnattended(s.streams, asked.Name) })
	if err != nil {
		return err
	}
	if err := s.result(decided); err != nil {
		return err
	}
	if decided.Status.Phase != v1alpha1.AcceptanceAccepted {
		return exit.Ended(exit.Findings, fmt.Sprintf("%s: %s", name, decided.Status.Message))
	}
	s.say("%s: %s; accepted by %s", name, decided.Status.Message, user)
	return nil
}
