package project

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/acceptance"
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/scm"
)

// An acceptance that was decided is kept for acceptanceTTL, and a project keeps
// maxAcceptances at most, decided or not. The last maxDecided of all projects are
// remembered, because the watch cache may still show them as undecided.
const (
	acceptanceTTL  = 72 * time.Hour
	maxAcceptances = 50
	maxDecided     = 1000
)

// acceptances returns the project's acceptances that are not decided yet, oldest
// first, and those that need not be kept.
func (r *Reconciler) acceptances(ctx context.Context, p *v1alpha1.Project) (asked, surplus []v1alpha1.Acceptance, err error) {
	var all v1alpha1.AcceptanceList
	if err := r.Client.List(ctx, &all, client.InNamespace(p.Namespace), client.MatchingFields{kube.AcceptancesByProject: p.Name}); err != nil {
		return nil, nil, fmt.Errorf("list acceptances: %w", err)
	}
	slices.SortFunc(all.Items, func(a, b v1alpha1.Acceptance) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	for i, one := range all.Items {
		_, decided := r.decided.Get(one.UID)
		switch {
		case len(all.Items)-i > maxAcceptances, one.Status.Phase != "" && r.Now().Sub(one.CreationTimestamp.Time) > acceptanceTTL:
			surplus = append(surplus, one)
		case one.Status.Phase == "" && !decided:
			asked = append(asked, one)
		}
	}
	return asked, surplus, nil
}

// answer writes what a sync made of the acceptances that it found, and deletes those
// that need not be kept.
func (r *Reconciler) answer(ctx context.Context, p *v1alpha1.Project, these requests, o outcome, syncErr error) error {
	for i := range these.asked {
		one := &these.asked[i]
		after := one.DeepCopy()
		after.Status = answerTo(p, one, o, syncErr)
		if err := kube.PatchStatus(ctx, r.Client, one, after); err != nil {
			return err
		}
		r.decided.Add(one.UID, nil)
	}
	for i := range these.surplus {
		one := &these.surplus[i]
		if err := r.Client.Delete(ctx, one); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete acceptance %s/%s: %w", one.Namespace, one.Name, err)
		}
	}
	return nil
}

// answerTo says what became of an acceptance.
func answerTo(p *v1alpha1.Project, one *v1alpha1.Acceptance, o outcome, syncErr error) v1alpha1.AcceptanceStatus {
	refused := func(format string, args ...any) v1alpha1.AcceptanceStatus {
		return v1alpha1.AcceptanceStatus{Phase: v1alpha1.AcceptanceRefused, Message: printable.Passage(fmt.Sprintf(format, args...), 4096)}
	}
	switch {
	case syncErr != nil:
		return refused("project %s can't be synced: %s", p.Name, kube.Sentence(syncErr))
	case one.Spec.Identity != nil:
		if reason := refusedIdentity(o.before, o.force, one); reason != "" {
			return refused("%s", reason)
		}
		return v1alpha1.AcceptanceStatus{Phase: v1alpha1.AcceptanceAccepted, Message: fmt.Sprintf("account %s is %s from now on", one.Spec.Identity.ID, one.Spec.Identity.Login)}
	case o.file != nil && o.file.Accepted != nil && o.file.Accepted.ID == one.Spec.File:
		return v1alpha1.AcceptanceStatus{Phase: v1alpha1.AcceptanceAccepted, Message: fmt.Sprintf("%s of commit %.8s is in force as a whole", project.FileName, o.file.Accepted.Commit)}
	case o.held == nil:
		return refused("no %s of project %s is held", project.FileName, p.Name)
	case o.held.ID != one.Spec.File:
		return refused("%s was changed meanwhile: that of commit %.8s is held now; look at it and accept it", project.FileName, o.held.Commit)
	}
	who, known := o.force.Person(one.Spec.By)
	if !known {
		return refused("%s may not accept it: no member of project %s has that user or e-mail in the file in force; %s", one.Spec.By, p.Name, o.held.Message)
	}
	return refused("%s may not accept it: the role %s does not allow it; %s", one.Spec.By, who.Role, o.held.Message)
}

// mayAccept returns the people among the askers who are members by the file in
// force, for exactly one file.
func mayAccept(force *project.File, id string, asked []v1alpha1.Acceptance) []project.Member {
	var members []project.Member
	for _, one := range asked {
		if who, known := force.Person(one.Spec.By); known && one.Spec.File == id {
			members = append(members, who)
		}
	}
	return members
}

// maxReviewed is how many commits' pull requests are looked at for reviews.
const maxReviewed = 5

// reviewers returns the members who approved, at the forge, exactly the file that is
// proposed: in a pull request whose merge one of the pushes was, at the head that was
// merged. A merge from before the file in force was accepted does not count: somebody
// may have brought an old commit back. It also returns what to say where the forge can't
// be asked.
func (r *Reconciler) reviewers(ctx context.Context, p *v1alpha1.Project, file proposed, force *project.File, since time.Time) ([]project.Member, string) {
	branch, is := strings.CutPrefix(file.ref, scm.BranchPrefix)
	if !is {
		return nil, ""
	}
	commits := []string{file.commit}
	for _, move := range slices.Backward(file.moves) {
		if !slices.Contains(commits, move.After) && len(commits) < maxReviewed {
			commits = append(commits, move.After)
		}
	}
	var members []project.Member
	for _, commit := range commits {
		merged, err := r.Pulls.Merged(ctx, p, branch, commit, project.FileName)
		if err != nil {
			return members, "; who approved it at the forge can't be read: " + fault.MessageOf(err)
		}
		if merged == nil || merged.File != file.id || !merged.At.After(since) {
			continue
		}
		for _, approval := range merged.Approvals {
			actor, unread := r.reviewer(ctx, p, file, force, approval)
			if unread != "" {
				return members, unread
			}
			if role := force.RoleOf(actor); role != "" {
				members = append(members, project.Member{User: actor.Login, Role: role})
			}
		}
	}
	return members, ""
}

// reviewer returns who approved, empty for nobody who counts: a member whose account is
// known to be theirs, or somebody whom the file doesn't name, with those of its groups
// that may accept the change and that the forge says they are in. It also returns what
// to say where the forge can't be asked.
func (r *Reconciler) reviewer(ctx context.Context, p *v1alpha1.Project, file proposed, force *project.File, by scm.Approval) (project.Actor, string) {
	if login, known := accountsOf(p).Member(by.Login, by.ID); known {
		return project.Actor{Login: login}, ""
	}
	if force.RoleOf(project.Actor{Login: by.Login}) != "" {
		return project.Actor{}, ""
	}
	facts := acceptance.Facts{Force: force, Changes: file.changes, Proposal: acceptance.Proposal{Authors: []string{by.Login}}}
	unread := r.addGroups(ctx, p, &facts)
	return project.Actor{Login: by.Login, Groups: facts.Groups[by.Login]}, unread
}

// projectOfAcceptance asks for a sync for an acceptance that is not decided.
func projectOfAcceptance(_ context.Context, o client.Object) []reconcile.Request {
	one, ok := o.(*v1alpha1.Acceptance)
	if !ok || one.Status.Phase != "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: one.Namespace, Name: one.Spec.Project}}}
}
