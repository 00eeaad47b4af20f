package project

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/acceptance"
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/command"
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
	case one.Spec.Preview != nil:
		return answerToPreview(p, one, o)
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

// answerToPreview says what became of the approval of a fork's commit.
func answerToPreview(p *v1alpha1.Project, one *v1alpha1.Acceptance, o outcome) v1alpha1.AcceptanceStatus {
	number, commit := one.Spec.Preview.PullRequest, one.Spec.Preview.Commit
	refused := func(format string, args ...any) v1alpha1.AcceptanceStatus {
		return v1alpha1.AcceptanceStatus{Phase: v1alpha1.AcceptanceRefused, Message: printable.Passage(fmt.Sprintf(format, args...), 4096)}
	}
	shown := previewOf(o.previews.known, number)
	who, known := o.force.Person(one.Spec.By)
	switch {
	case !known:
		return refused("%s may not approve it: no member of project %s has that user or e-mail in the file in force", one.Spec.By, p.Name)
	case !who.Role.May(project.ActionApprove, false):
		return refused("%s may not approve it: that takes a maintainer, and the role is %s", one.Spec.By, who.Role)
	case shown == nil:
		return refused("pull request %d waits for no approval: it is closed, or gets no preview", number)
	case shown.Approved != nil && shown.Approved.Commit == commit:
		return v1alpha1.AcceptanceStatus{Phase: v1alpha1.AcceptanceAccepted, Message: fmt.Sprintf("commit %.8s of pull request %d may run, and no other", commit, number)}
	case shown.Commit != commit:
		return refused("pull request %d was pushed to meanwhile: commit %s waits now; look at it and approve it", number, shown.Commit)
	}
	return refused("pull request %d waits for no approval: its preview is %s", number, strings.ToLower(shown.State))
}

// previewOf returns how it stands with the preview of a pull request, nil when nothing is
// known of it.
func previewOf(all []v1alpha1.Preview, number int64) *v1alpha1.Preview {
	at := slices.IndexFunc(all, func(one v1alpha1.Preview) bool { return one.PullRequest == number })
	if at < 0 {
		return nil
	}
	return &all[at]
}

// comment is what a comment asks of a sync: an approval, or a preview. The others are
// carried out when it is over.
type comment struct {
	delivery    string
	pullRequest int64
	// by is the member who wrote it.
	by string
	// acceptance is what an approval comes to; nil for another command.
	acceptance *v1alpha1.Acceptance
	// answer is nil until it is known.
	answer *v1alpha1.CommandAnswer
}

// comments returns what comments that wait ask of a sync. Each counts once, under
// pull requests of the primary repository only, and in the name of a member whose
// account is known.
func comments(p *v1alpha1.Project, who identified) []comment {
	var all []comment
	for i := range who.deliveries {
		d := &who.deliveries[i]
		c, err := command.Parse(d.Spec.Command)
		if !isCommand(d) || !isFirst(d) || d.Spec.Repository != p.Primary().Name || command.IsLate(writtenOf(d), d.Spec.Received.Time) {
			continue
		}
		if err != nil || c.Name != command.Approve && c.Name != command.Preview {
			continue
		}
		login, _ := who.accounts.Member(d.Spec.Actor, d.Spec.ActorID)
		one := comment{delivery: d.Name, pullRequest: d.Spec.PullRequest, by: login}
		refusal := command.Refusal(who.force, c, login, d.Spec.Actor)
		if member, is := who.force.Login(login); is && refusal == "" && c.Name == command.Approve {
			one.by = member.User
			one.acceptance, refusal = approval(p, d, c.Commit, member.User)
		}
		if refusal != "" {
			one.answer = &v1alpha1.CommandAnswer{Refused: true, Message: printable.Passage(refusal, 4096)}
		}
		all = append(all, one)
	}
	return all
}

// writtenOf returns when a comment was written, zero when the forge does not say.
func writtenOf(d *v1alpha1.Delivery) time.Time {
	if d.Spec.Written == nil {
		return time.Time{}
	}
	return d.Spec.Written.Time
}

// approval returns what a comment approves: the commit of the fork that waits, or the
// file that is held, in each case exactly what the project showed when the comment was
// written. Without a commit, a held file must have been there then.
func approval(p *v1alpha1.Project, d *v1alpha1.Delivery, commit, by string) (_ *v1alpha1.Acceptance, refusal string) {
	fork, held := previewOf(p.Status.Previews, d.Spec.PullRequest), p.Status.Held
	if fork != nil && fork.State != v1alpha1.PreviewHeld {
		fork = nil
	}
	asked := &v1alpha1.Acceptance{Spec: v1alpha1.AcceptanceSpec{Project: p.Name, By: by}}
	switch {
	case fork != nil && commit == fork.Commit:
		asked.Spec.Preview = &v1alpha1.AcceptedPreview{PullRequest: fork.PullRequest, Commit: commit}
		return asked, ""
	case fork != nil && commit == "":
		return nil, fmt.Sprintf("say which commit you looked at: `/slipway approve %s`", fork.Commit)
	case held != nil && (commit == held.Commit || commit == "" && !writtenOf(d).Before(held.Since.Time)):
		asked.Spec.File = held.ID
		return asked, ""
	case held != nil && commit == "":
		return nil, fmt.Sprintf("%s of commit %.8s is held, and was not when the comment was written; look at it, and write `/slipway approve %s`", project.FileName, held.Commit, held.Commit)
	case fork != nil:
		return nil, fmt.Sprintf("commit %.8s is not what waits here: that is %s, the head of this pull request; look at it and approve it", commit, fork.Commit)
	case held != nil:
		return nil, fmt.Sprintf("commit %.8s is not what waits: that is %s of commit %s; look at it and approve it", commit, project.FileName, held.Commit)
	}
	return nil, fmt.Sprintf("nothing waits to be approved: no commit of a fork under this pull request, and no %s of project %s", project.FileName, p.Name)
}

// acceptancesOf returns the approvals among comments.
func acceptancesOf(all []comment) []v1alpha1.Acceptance {
	var asked []v1alpha1.Acceptance
	for _, one := range all {
		if one.acceptance != nil {
			asked = append(asked, *one.acceptance)
		}
	}
	return asked
}

// answers returns what comments came to, by their deliveries.
func answers(p *v1alpha1.Project, o outcome, syncErr error) map[string]*v1alpha1.CommandAnswer {
	all := map[string]*v1alpha1.CommandAnswer{}
	for _, one := range o.comments {
		answer := one.answer
		switch {
		case answer != nil:
		case one.acceptance != nil:
			status := answerTo(p, one.acceptance, o, syncErr)
			answer = &v1alpha1.CommandAnswer{Refused: status.Phase != v1alpha1.AcceptanceAccepted, Message: status.Message}
		default:
			answer = answerToWish(one, o, syncErr)
		}
		all[one.delivery] = answer
	}
	return all
}

// answerToWish says what became of the wish for a preview.
func answerToWish(one comment, o outcome, syncErr error) *v1alpha1.CommandAnswer {
	shown := previewOf(o.previews.known, one.pullRequest)
	switch {
	case syncErr != nil:
		return &v1alpha1.CommandAnswer{Refused: true, Message: "the project can't be synced: " + kube.Sentence(syncErr)}
	case shown != nil && shown.State == v1alpha1.PreviewLive:
		return &v1alpha1.CommandAnswer{Message: "the pull request has a preview"}
	case shown != nil:
		return &v1alpha1.CommandAnswer{Refused: true, Message: printable.Passage(shown.Message, 4096)}
	case o.previews.condition == nil:
		return &v1alpha1.CommandAnswer{Refused: true, Message: project.FileName + " asks for no previews"}
	case o.previews.condition.Status != metav1.ConditionTrue:
		return &v1alpha1.CommandAnswer{Refused: true, Message: o.previews.condition.Message}
	}
	reason := o.previews.reasons[one.pullRequest]
	if reason == "" {
		reason = "the pull request is not open"
	}
	return &v1alpha1.CommandAnswer{Refused: true, Message: printable.Passage(reason, 4096)}
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
