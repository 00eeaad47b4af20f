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

// accept accepts the held project file of a project, or the account of a member.
func (a *approve) accept(ctx context.Context, name string) error {
	made, err := a.Client()
	if err != nil {
		return err
	}
	projects := operate.Projects{Client: made}
	project, err := projects.Find(ctx, a.Scope(), name)
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
	asked, err := a.ask(ctx, projects, project, operate.Actor{Name: user, Reason: a.reason})
	if err != nil {
		return err
	}
	if a.noWait {
		a.say("`kubectl get acceptances %s` shows whether it counts", asked.Name)
		return a.result(asked)
	}
	decided, err := projects.AwaitAcceptance(ctx, asked, func() { control.ReportUnattended(a.streams, asked.Name) })
	if err != nil {
		return err
	}
	if err := a.result(decided); err != nil {
		return err
	}
	if decided.Status.Phase != v1alpha1.AcceptanceAccepted {
		return exit.Ended(exit.Findings, fmt.Sprintf("%s: %s", name, decided.Status.Message))
	}
	a.say("%s: %s; accepted by %s", name, decided.Status.Message, user)
	return nil
}

// ask says what is accepted, and asks for it.
func (a *approve) ask(ctx context.Context, projects operate.Projects, p *v1alpha1.Project, who operate.Actor) (*v1alpha1.Acceptance, error) {
	if a.identity != "" {
		a.say("%s", operate.IdentityText(p, a.identity))
		return projects.AcceptIdentity(ctx, who, p, a.identity)
	}
	asked, err := projects.Accept(ctx, who, p)
	if err != nil {
		return nil, err
	}
	for _, line := range operate.HeldText(p.Status.Held) {
		a.say("%s", line)
	}
	return asked, nil
}
