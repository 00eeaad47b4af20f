package operate

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

// acceptancePoll is how often an acceptance that was asked for is looked at.
const acceptancePoll = 200 * time.Millisecond

// Projects finds projects on the control cluster, and accepts their project files,
// with the rights of the client.
type Projects struct {
	Client client.Client
}

// Find returns a project. An empty namespace means all organizations that the
// client may see; when several have such a project, the error's cause is
// ErrAmbiguous.
func (s Projects) Find(ctx context.Context, namespace, name string) (*v1alpha1.Project, error) {
	var all v1alpha1.ProjectList
	if err := List(ctx, s.Client, &all, namespace); err != nil {
		return nil, err
	}
	var found []*v1alpha1.Project
	var names []string
	for i := range all.Items {
		names = append(names, all.Items[i].Name)
		if all.Items[i].Name == name {
			found = append(found, &all.Items[i])
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, fault.Wrap(fault.Conflict, ErrAmbiguous, "%d organizations have a project %s", len(found), name)
	case len(names) == 0:
		return nil, fault.New(fault.NotFound, "there is no project %.60q, nor any other that you may see; is the organization right?", name)
	}
	return nil, fault.New(fault.NotFound, "there is no project %.60q; there are %s", name, someOf(names))
}

// Accept asks for the held project file of a project to come into force: exactly the
// one that the project shows as held.
func (s Projects) Accept(ctx context.Context, who Actor, p *v1alpha1.Project) (*v1alpha1.Acceptance, error) {
	held := p.Status.Held
	if held == nil {
		return nil, fault.New(fault.Conflict, "no %s of project %s is held, so there is nothing to accept; to approve a release, name its stage: `slipway approve %s STAGE`", project.FileName, p.Name, p.Name)
	}
	asked, err := s.ask(ctx, p, v1alpha1.AcceptanceSpec{File: held.ID, By: who.Name, Reason: who.Reason})
	return asked, Explain(err, "accept %s of commit %s as %s", project.FileName, ShortCommit(held.Commit), who.Name)
}

// AcceptIdentity asks for the account that came with a member's login to be the
// member's from now on: exactly the one that the project shows.
func (s Projects) AcceptIdentity(ctx context.Context, who Actor, p *v1alpha1.Project, login string) (*v1alpha1.Acceptance, error) {
	for _, one := range p.Status.Identities {
		if one.Claimed == "" || !project.SameLogin(one.Login, login) {
			continue
		}
		asked, err := s.ask(ctx, p, v1alpha1.AcceptanceSpec{Identity: &v1alpha1.AcceptedIdentity{Login: one.Login, ID: one.Claimed}, By: who.Name, Reason: who.Reason})
		return asked, Explain(err, "accept account %s of %s as %s", one.Claimed, one.Login, who.Name)
	}
	return nil, fault.New(fault.Conflict, "no other account came with the login %.60q of a member of project %s, so there is none to accept", login, p.Name)
}

// AcceptPreview asks for the commit of a fork to run in the preview of its pull request:
// exactly the one that the project shows as held.
func (s Projects) AcceptPreview(ctx context.Context, who Actor, p *v1alpha1.Project, number int64) (*v1alpha1.Acceptance, error) {
	for _, one := range p.Status.Previews {
		if one.PullRequest == number && one.State == v1alpha1.PreviewHeld {
			asked, err := s.ask(ctx, p, v1alpha1.AcceptanceSpec{Preview: &v1alpha1.AcceptedPreview{PullRequest: number, Commit: one.Commit}, By: who.Name, Reason: who.Reason})
			return asked, Explain(err, "approve commit %s of pull request %d as %s", ShortCommit(one.Commit), number, who.Name)
		}
	}
	return nil, fault.New(fault.Conflict, "no commit of pull request %d of project %s waits to be approved; see `slipway previews %s`", number, p.Name, p.Name)
}

// ask makes an acceptance.
func (s Projects) ask(ctx context.Context, p *v1alpha1.Project, spec v1alpha1.AcceptanceSpec) (*v1alpha1.Acceptance, error) {
	spec.Project = p.Name
	asked := &v1alpha1.Acceptance{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: p.Name + "-", Namespace: p.Namespace, Labels: map[string]string{naming.LabelProject: naming.LabelValue(p.Name)},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion().String(), Kind: "Project", Name: p.Name, UID: p.UID}},
		},
		Spec: spec,
	}
	return asked, s.Client.Create(ctx, asked)
}

// AwaitAcceptance waits until the server decided about an acceptance, and returns it
// as it is then. Unattended is called once, by another goroutine, when no server
// takes it up for a while.
func (s Projects) AwaitAcceptance(ctx context.Context, asked *v1alpha1.Acceptance, unattended func()) (*v1alpha1.Acceptance, error) {
	hint := time.AfterFunc(unattendedLimit, unattended)
	defer hint.Stop()
	for {
		var now v1alpha1.Acceptance
		err := s.Client.Get(ctx, client.ObjectKeyFromObject(asked), &now)
		if apierrors.IsNotFound(err) {
			return nil, fault.New(fault.Conflict, "acceptance %s was deleted before it was decided; more than are kept were asked for", asked.Name)
		}
		if err != nil && ctx.Err() == nil {
			return nil, Explain(err, "read acceptance %s", asked.Name)
		}
		if err == nil && now.Status.Phase != "" {
			return &now, nil
		}
		select {
		case <-ctx.Done():
			return nil, fault.New(fault.Unavailable, "stopped waiting; acceptance %s is decided when project %s is synced", asked.Name, asked.Spec.Project)
		case <-time.After(acceptancePoll):
		}
	}
}

// IdentityText says which account at the forge a login belongs to.
func IdentityText(p *v1alpha1.Project, login string) string {
	for _, one := range p.Status.Identities {
		if !project.SameLogin(one.Login, login) {
			continue
		}
		text := fmt.Sprintf("%s is account %s at %s, since %s", one.Login, one.ID, one.Forge, one.Since.UTC().Format("2006-01-02 15:04 MST"))
		if one.Claimed != "" {
			text += fmt.Sprintf("; account %s came with the login since, and is nobody until an owner accepts it: `slipway approve %s --identity %s`", one.Claimed, p.Name, one.Login)
		}
		return text
	}
	return fmt.Sprintf("no account at the forge was seen as %s yet", login)
}

// HeldText says what is held of a project file, for those who are asked to accept
// it: a line for the commit, and one for each change.
func HeldText(held *v1alpha1.HeldFile) []string {
	who := "nobody knows who pushed all of it"
	if !held.Unknown && len(held.Authors) > 0 {
		who = "pushed by " + someOf(append([]string(nil), held.Authors...))
	}
	lines := []string{fmt.Sprintf("%s of commit %s (%s) changes:", project.FileName, ShortCommit(held.Commit), who)}
	for _, change := range held.Changes {
		lines = append(lines, "  "+change)
	}
	return lines
}
