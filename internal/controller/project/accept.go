package project

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/acceptance"
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Groups knows who is in which group at the forge.
type Groups interface {
	// Members returns those of the groups that the login belongs to, by the word of
	// the forge of the project's primary repository.
	Members(ctx context.Context, p *v1alpha1.Project, login string, among []string) ([]string, error)
}

// maxChanges is how many changes of a held file are listed.
const maxChanges = 50

// verdict says which project file's members, stages and previews are in force.
type verdict struct {
	// object is the id of the file at the trusted ref's head, and actor who pushed or
	// accepted it; empty when unknown.
	object, actor string

	accepted v1alpha1.AcceptedFile
	held     *v1alpha1.HeldFile // nil when the trusted ref has the accepted file
}

// proposed is the file of the trusted ref's head.
type proposed struct {
	ref        string // the trusted one
	commit, id string
	document   *projectfile.Document
	moves      []acceptance.Move   // of the trusted ref
	changes    []acceptance.Change // of the accepted file
}

// judge decides whether the file at the trusted ref's head comes into force as a
// whole. The project has the status that was written last.
func (r *Reconciler) judge(ctx context.Context, p *v1alpha1.Project, ref, commit string, waiting []v1alpha1.Delivery, asked []v1alpha1.Acceptance) (verdict, error) {
	document, id, err := r.Sources.Policy(ctx, p, commit)
	if err != nil {
		return verdict{}, err
	}
	file := proposed{ref: ref, commit: commit, id: id, document: document, moves: movesOf(p, ref, waiting)}
	last, force, err := r.accepted(ctx, p)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{}
	switch {
	case last == nil:
		v, err = r.newVerdict(file, 1, v1alpha1.AcceptedRegistered, file.pusher())
	case last.ID == id:
		v.accepted = *last
	default:
		file.changes = acceptance.Compare(force.File, document.File)
		v, err = r.decide(ctx, p, file, *last, force.File, asked)
	}
	if err != nil {
		return verdict{}, err
	}
	if v.held == nil {
		v.accepted.Commit, v.accepted.ID = commit, id
	}
	v.object = id
	v.actor, err = r.author(ctx, p, file, v)
	return v, err
}

// author returns who answers for the file at the head: who accepted it, else who
// pushed it.
func (r *Reconciler) author(ctx context.Context, p *v1alpha1.Project, file proposed, v verdict) (string, error) {
	last := p.Status.File
	if last == nil {
		return v1alpha1.ActorRegistration, nil
	}
	if last.Accepted != nil && v.accepted.Number > last.Accepted.Number && v.accepted.Reason == v1alpha1.AcceptedApproved {
		return v.accepted.By, nil
	}
	if last.Object == file.id {
		return last.Actor, nil
	}
	steps, _ := acceptance.Way(p.Status.FileCommit, file.commit, file.moves)
	for _, step := range slices.Backward(steps) {
		if step.Before == "" || len(step.By) != 1 {
			return "", nil
		}
		_, before, err := r.Sources.Policy(ctx, p, step.Before)
		if code := fault.CodeOf(err); code == fault.Unavailable || code == fault.Internal {
			return "", err
		}
		if before != file.id {
			return step.By[0], nil
		}
	}
	return "", nil
}

// accepted returns the file that was accepted last, nil before the first.
func (r *Reconciler) accepted(ctx context.Context, p *v1alpha1.Project) (*v1alpha1.AcceptedFile, *projectfile.Document, error) {
	file := p.Status.File
	if file == nil || file.Accepted == nil {
		return nil, nil, nil
	}
	document, _, err := r.Sources.Policy(ctx, p, file.Accepted.Commit)
	return file.Accepted, document, err
}

// newVerdict accepts a file.
func (r *Reconciler) newVerdict(file proposed, number int64, reason, by string) (verdict, error) {
	policy, err := projectfile.Policy(file.document.File)
	return verdict{accepted: v1alpha1.AcceptedFile{
		Commit: file.commit, ID: file.id, Number: number, Reason: reason, By: printable.Excerpt(by, 256), At: metav1.Time{Time: r.Now()}, Policy: policy,
	}}, err
}

// decide finds whose changes a file brings, and whether they are accepted.
func (r *Reconciler) decide(ctx context.Context, p *v1alpha1.Project, file proposed, last v1alpha1.AcceptedFile, force *project.File, asked []v1alpha1.Acceptance) (verdict, error) {
	if len(file.changes) == 0 {
		return verdict{accepted: last}, nil
	}
	if p.Spec.Members.Trust == v1alpha1.TrustBranchProtection {
		return r.newVerdict(file, last.Number+1, v1alpha1.AcceptedBranchProtection, file.pusher())
	}
	proposal, before, err := r.follow(ctx, p, file, force)
	if err != nil {
		return verdict{}, err
	}
	facts := acceptance.Facts{Force: force, Changes: file.changes, Proposal: proposal, Approvers: mayAccept(force, file.id, asked)}
	unknown := r.addGroups(ctx, p, &facts)
	decision := acceptance.Decide(facts)
	if decision.By == "" {
		reviewers, unread := r.reviewers(ctx, p, file, force, last.At.Time)
		facts.Approvers, unknown = append(facts.Approvers, reviewers...), unknown+unread
		decision = acceptance.Decide(facts)
	}
	if decision.By != "" {
		return r.newVerdict(file, last.Number+1, reasonFor(decision), decision.By)
	}
	held := &v1alpha1.HeldFile{
		Commit: file.commit, ID: file.id, Authors: proposal.Authors, Unknown: proposal.Unknown, Before: before,
		Changes: acceptance.Sentences(file.changes, maxChanges), Approvers: decision.May, Since: metav1.Time{Time: r.Now()},
	}
	if known := p.Status.Held; known != nil && known.ID == held.ID {
		held.Since = known.Since
	}
	held.Message = heldMessage(p, held, last, decision, unknown)
	return verdict{accepted: last, held: held}, nil
}

func reasonFor(d acceptance.Decision) string {
	if d.Approved {
		return v1alpha1.AcceptedApproved
	}
	return v1alpha1.AcceptedPermitted
}

// heldMessage says what is held, why, and what to do.
func heldMessage(p *v1alpha1.Project, held *v1alpha1.HeldFile, last v1alpha1.AcceptedFile, d acceptance.Decision, unknown string) string {
	who := "an owner is needed, and the file in force has none"
	if len(d.May) > 0 {
		who = strings.Join(d.May, ", ") + " can accept it"
	}
	return printable.Passage(fmt.Sprintf("%s of commit %.8s is held: %s; %s%s. Members, stages and previews stay those of commit %.8s until `slipway approve %s`; %s",
		project.FileName, held.Commit, strings.Join(held.Changes[:min(len(held.Changes), 5)], ", "), d.Hold, unknown, last.Commit, p.Name, who), 4096)
}

// addGroups adds the groups of authors that may decide, and returns what to say
// where the forge does not answer.
func (r *Reconciler) addGroups(ctx context.Context, p *v1alpha1.Project, facts *acceptance.Facts) string {
	asked := facts.DecidingGroups()
	facts.Groups = map[string][]string{}
	for login, among := range asked {
		groups, err := r.Groups.Members(ctx, p, login, among)
		if err != nil {
			return "; the forge does not say who is in " + strings.Join(among, ", ") + ": " + fault.MessageOf(err)
		}
		facts.Groups[login] = groups
	}
	return ""
}

// follow returns whose changes the file at the head brings, and the commit before
// those that nobody knows the author of.
func (r *Reconciler) follow(ctx context.Context, p *v1alpha1.Project, file proposed, force *project.File) (acceptance.Proposal, string, error) {
	var known acceptance.Proposal
	from, before := p.Status.FileCommit, ""
	if held := p.Status.Held; held != nil {
		known, before = acceptance.Proposal{Authors: held.Authors, Unknown: held.Unknown}, held.Before
		if _, whole := acceptance.Way(before, file.commit, file.moves); before != "" && whole { // a delivery came late
			known, from = acceptance.Proposal{}, before
		}
	}
	steps, _ := acceptance.Way(from, file.commit, file.moves)
	proposal, err := r.walk(ctx, p, known, force, steps)
	switch {
	case !proposal.Unknown:
		before = ""
	case !known.Unknown && len(known.Authors) == 0:
		before = from
	}
	return proposal, before, err
}

// walk follows the steps of the trusted ref. A file on the way that can't be read
// makes two steps one, of all who took them.
func (r *Reconciler) walk(ctx context.Context, p *v1alpha1.Project, proposal acceptance.Proposal, force *project.File, steps []acceptance.Step) (acceptance.Proposal, error) {
	if len(steps) == 0 {
		return proposal, nil
	}
	before, err := r.policyAt(ctx, p, steps[0].Before)
	if err != nil {
		return proposal, err
	}
	var by []string
	nobody := false
	for _, step := range steps {
		after, err := r.policyAt(ctx, p, step.After)
		if err != nil {
			return proposal, err
		}
		by, nobody = append(by, step.By...), nobody || len(step.By) == 0
		if after == nil {
			continue
		}
		if nobody {
			by = nil
		}
		proposal = proposal.Then(force, acceptance.Push{By: by, Before: before, After: after})
		before, by, nobody = after, nil, false
	}
	return proposal, nil
}

// policyAt returns the project file of a commit, nil when it can't be read and
// never will be.
func (r *Reconciler) policyAt(ctx context.Context, p *v1alpha1.Project, commit string) (*project.File, error) {
	if commit == "" {
		return nil, nil
	}
	document, _, err := r.Sources.Policy(ctx, p, commit)
	if code := fault.CodeOf(err); code == fault.Unavailable || code == fault.Internal {
		return nil, err
	}
	if err != nil {
		return nil, nil //nolint:nilerr // a mistake in a file that was left again
	}
	return document.File, nil
}

// isFirst reports whether a delivery is dealt with for the first time: what is
// delivered or replayed again says nothing about who moved a ref now.
func isFirst(d *v1alpha1.Delivery) bool { return d.Status.Attempts == 0 && d.ReplayMark() == "" }

// movesOf returns the moves of the trusted ref that deliveries report.
func movesOf(p *v1alpha1.Project, ref string, waiting []v1alpha1.Delivery) []acceptance.Move {
	var moves []acceptance.Move
	for _, d := range waiting {
		if isFirst(&d) && d.Spec.Repository == p.Primary().Name && d.Spec.Event == string(scm.KindPush) && d.Spec.Ref == ref {
			moves = append(moves, acceptance.Move{Before: d.Spec.Before, After: d.Spec.After, By: d.Spec.Actor})
		}
	}
	return moves
}

// pusher returns who moved the ref to the commit, empty when unknown.
func (f proposed) pusher() string {
	var by []string
	for _, move := range f.moves {
		if move.After == f.commit && move.By != "" {
			by = append(by, move.By)
		}
	}
	slices.Sort(by)
	return strings.Join(slices.Compact(by), ", ")
}
