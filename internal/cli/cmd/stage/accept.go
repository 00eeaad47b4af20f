package stage

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/control"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/operate"
)

// accept accepts the held project file of a project, or the account of a member.
func (a *approve) accept(ctx context.Context, name string) error {
	projects, project, err := a.project(ctx, name)
	if err != nil {
		return err
	}
	return a.acceptance(ctx, projects, name, func(who operate.Actor) (*v1alpha1.Acceptance, error) {
		return a.ask(ctx, projects, project, who)
	})
}

// preview lets the commit of a fork run that waits in a preview. Where none does, it is
// the verdict on a release as at any stage.
func (a *approve) preview(ctx context.Context, name, stage string) error {
	projects, project, err := a.project(ctx, name)
	if err != nil {
		return err
	}
	for _, one := range project.Status.Previews {
		if naming.StageForPullRequest("", one.PullRequest) != stage || one.State != v1alpha1.PreviewHeld {
			continue
		}
		a.say("commit %s of pull request %d, from a fork", one.Commit, one.PullRequest)
		return a.acceptance(ctx, projects, name, func(who operate.Actor) (*v1alpha1.Acceptance, error) {
			return projects.AcceptPreview(ctx, who, project, one.PullRequest)
		})
	}
	return a.run(ctx, name, stage)
}

// project finds a project.
func (a *approve) project(ctx context.Context, name string) (operate.Projects, *v1alpha1.Project, error) {
	made, err := a.Client()
	if err != nil {
		return operate.Projects{}, nil, err
	}
	projects := operate.Projects{Client: made}
	project, err := projects.Find(ctx, a.Scope(), name)
	if errors.Is(err, operate.ErrAmbiguous) {
		return projects, nil, exit.WrongUsage(fmt.Errorf("%s; say which with --organization", exit.MessageOf(err)))
	}
	return projects, project, err
}

// acceptance asks for one, and waits for what the server makes of it.
func (a *approve) acceptance(ctx context.Context, projects operate.Projects, name string, ask func(operate.Actor) (*v1alpha1.Acceptance, error)) error {
	user, err := operate.WhoAmI(ctx, projects.Client)
	if err != nil {
		return err
	}
	asked, err := ask(operate.Actor{Name: user, Reason: a.reason})
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
