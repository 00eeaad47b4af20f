package project

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/command"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/preview"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/scm"
)

// previews is what a sync found out about previews.
type previews struct {
	known     []v1alpha1.Preview
	reasons   map[int64]string  // why pull requests get none
	condition *metav1.Condition // nil where the project file asks for none
	again     bool              // who did not answer may answer soon
}

// writePreviews makes the project's previews those that its open pull requests ask
// for. Where the forge doesn't list them the previews stay as they are, and so does
// what the project's status says of each. It comes after the stages: nobody's push
// waits for the forge's list.
func (r *Reconciler) writePreviews(ctx context.Context, p *v1alpha1.Project, file *project.File, found *outcome) error {
	have, err := r.existing(ctx, p, true)
	if err != nil {
		return err
	}
	if file.Previews == nil {
		return r.Stages.Write(ctx, p, have, nil)
	}
	now := r.memory.current(p)
	open, err := r.Pulls.Open(ctx, p)
	if errors.Is(err, forge.ErrNothingToAsk) {
		found.previews.condition = previewsCondition(metav1.ConditionFalse, "NoCredentials", "there are no previews: "+kube.Sentence(err))
		return r.Stages.Write(ctx, p, have, nil)
	}
	var wanted []v1alpha1.Stage
	at := r.Now().Truncate(time.Second)
	before := withRequests(now.Status.Previews, found, at)
	if err == nil {
		decisions := preview.Decide(preview.Facts{Previews: file.Previews, Open: open, Heads: found.heads.Refs, Known: knownPreviews(before, have, found, at), Now: at})
		sync := previewSync{Reconciler: r, project: p, file: file, found: found, have: have, before: before}
		wanted, found.previews, err = sync.wanted(ctx, decisions)
	}
	if err != nil {
		found.previews = previews{
			known:     slices.DeleteFunc(before, func(one v1alpha1.Preview) bool { return one.State == "" }),
			condition: previewsCondition(metav1.ConditionFalse, kube.ReasonOf(err), "previews stay as they are: "+kube.Sentence(err)),
			again:     fault.CodeOf(err) == fault.Unavailable || fault.CodeOf(err) == fault.Internal,
		}
		return nil
	}
	found.previews.condition = previewsCondition(metav1.ConditionTrue, "Synced", fmt.Sprintf("%d of %d open pull requests have a preview", len(wanted), len(open)))
	if err := r.keepPreviews(ctx, p, found.previews); err != nil {
		return err
	}
	return r.Stages.Write(ctx, p, have, wanted)
}

func previewsCondition(status metav1.ConditionStatus, reason, message string) *metav1.Condition {
	return &metav1.Condition{Type: v1alpha1.ConditionPreviews, Status: status, Reason: reason, Message: message}
}

// keepPreviews makes durable which previews expired before they end: their pull
// requests are still open, and only another commit brings a preview back.
func (r *Reconciler) keepPreviews(ctx context.Context, p *v1alpha1.Project, found previews) error {
	before := r.memory.current(p)
	if apiequality.Semantic.DeepEqual(before.Status.Previews, found.known) {
		return nil
	}
	after := before.DeepCopy()
	setPreviews(&after.Status, found, p.Generation)
	if err := kube.PatchStatus(ctx, r.Client, before, after); err != nil {
		return err
	}
	r.memory.wrote(client.ObjectKeyFromObject(p), after.Status)
	return nil
}

// withRequests returns how previews stood, with what people approved and asked for
// since: exactly the commit of a fork that was shown as held.
func withRequests(known []v1alpha1.Preview, found *outcome, now time.Time) []v1alpha1.Preview {
	known = slices.Clone(known)
	for _, one := range found.asked {
		if one.Spec.Preview == nil {
			continue
		}
		shown := previewOf(known, one.Spec.Preview.PullRequest)
		who, is := found.force.Person(one.Spec.By)
		if is && who.Role.May(project.ActionApprove, false) && shown != nil && shown.State == v1alpha1.PreviewHeld && shown.Commit == one.Spec.Preview.Commit {
			shown.Approved = &v1alpha1.ApprovedCommit{Commit: shown.Commit, By: printable.Excerpt(one.Spec.By, 256), At: metav1.Time{Time: now}}
		}
	}
	for _, one := range found.comments {
		if !one.wishes() {
			continue
		}
		if shown := previewOf(known, one.pullRequest); shown != nil {
			shown.AskedBy = one.by
		} else {
			known = append(known, v1alpha1.Preview{PullRequest: one.pullRequest, AskedBy: one.by})
		}
	}
	return known
}

// wishes reports whether a comment asks for a preview, and may.
func (c comment) wishes() bool { return c.acceptance == nil && c.answer == nil }

// knownPreviews returns what is known of previews: of those that there are, those that
// expired, and those that somebody approved or asked for.
func knownPreviews(before []v1alpha1.Preview, have map[string]*v1alpha1.Stage, found *outcome, now time.Time) map[int64]preview.Known {
	known := map[int64]preview.Known{}
	for _, one := range before {
		k := preview.Known{Expired: one.State == v1alpha1.PreviewExpired, Asked: one.AskedBy != ""}
		if k.Expired {
			k.Commit = one.Commit
		}
		if one.Approved != nil {
			k.Approved = one.Approved.Commit
		}
		known[one.PullRequest] = k
	}
	for _, stage := range have {
		if !stage.DeletionTimestamp.IsZero() {
			continue
		}
		one := known[stage.Spec.PullRequest]
		one.Lives, one.Expired = true, false
		one.Commit, one.Pushed, one.Until = stage.Spec.Wanted.Commit, stage.CreationTimestamp.Time, extendedUntil(stage, found.force, now)
		if head := stage.Status.Unchanged(); head != "" {
			one.Commit = head
		}
		if stage.Spec.Pushed != nil {
			one.Pushed = stage.Spec.Pushed.Time
		}
		known[stage.Spec.PullRequest] = one
	}
	for _, c := range found.comments {
		if c.wishes() {
			one := known[c.pullRequest]
			one.Revived = true
			known[c.pullRequest] = one
		}
	}
	return known
}

// extendedUntil returns until when a preview was extended by somebody who may deploy;
// zero for not. The bound is that of the custom resource, for whatever wrote it; what
// claims to be of the future does not count.
func extendedUntil(stage *v1alpha1.Stage, force *project.File, now time.Time) time.Time {
	extension := stage.Spec.Extension
	if extension == nil {
		return time.Time{}
	}
	who, known := force.Person(extension.By)
	if !known || !who.Role.May(project.ActionDeploy, false) || extension.At.Time.After(now.Add(time.Hour)) || extension.Until.Sub(extension.At.Time) > command.MaxExtension {
		return time.Time{}
	}
	return extension.Until.Time
}

// previewSync is the part of a sync that is about previews.
type previewSync struct {
	*Reconciler
	project *v1alpha1.Project
	file    *project.File
	found   *outcome
	have    map[string]*v1alpha1.Stage // by name
	before  []v1alpha1.Preview         // how they stood, with what was asked since
}

// wanted returns the previews that the decisions ask for, and how it stands with each
// pull request.
func (s *previewSync) wanted(ctx context.Context, decisions []preview.Decision) (wanted []v1alpha1.Stage, shown previews, err error) {
	shown.reasons = map[int64]string{}
	gated, err := s.behindGate(ctx, s.project, s.file)
	if err != nil {
		return nil, previews{}, err
	}
	for _, d := range decisions {
		one := v1alpha1.Preview{PullRequest: d.Request.Number, State: string(d.State), Commit: d.Commit, Message: printable.Passage(d.Reason, 1024)}
		if was := previewOf(s.before, d.Request.Number); was != nil {
			one.Approved, one.AskedBy = was.Approved, was.AskedBy
		}
		if d.State == preview.None {
			shown.reasons[d.Request.Number] = d.Reason
			continue
		}
		if d.Runs != "" {
			stage, err := s.wantedPreview(ctx, s.project, s.file, s.found, d)
			if err != nil && !isMistake(err) {
				return nil, previews{}, err
			}
			stage.Spec.Gated = gated
			if stage = s.settle(ctx, d, stage, err, &one); stage.Name != "" {
				wanted = append(wanted, stage)
			}
		}
		shown.known = append(shown.known, one)
	}
	return wanted, shown, nil
}

// settle returns the stage of a preview, nothing when there is nothing to show, and says
// which it is. A mistake keeps a preview as it was until it is corrected.
func (s *previewSync) settle(ctx context.Context, d preview.Decision, stage v1alpha1.Stage, mistake error, one *v1alpha1.Preview) v1alpha1.Stage {
	current := s.have[stage.Name]
	if mistake != nil && d.State == preview.Live {
		one.State, one.Message = v1alpha1.PreviewFailed, printable.Passage(fault.MessageOf(mistake), 1024)
	}
	switch {
	case mistake != nil && current == nil:
		return v1alpha1.Stage{}
	case mistake != nil:
		stage.Spec = *current.Spec.DeepCopy()
	case current == nil && one.AskedBy == "" && s.showsNothing(ctx, s.project, s.file, s.found.before.Status.Previews, stage):
		one.State, one.Message = v1alpha1.PreviewUnchanged, "nothing to preview: it makes what runs at stage "+s.file.Previews.From
		return v1alpha1.Stage{}
	}
	if !d.Ends.IsZero() {
		one.Ends = &metav1.Time{Time: d.Ends}
	}
	return stage
}

// isMistake reports whether an error is the fault of what a pull request contains.
func isMistake(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.NotFound, fault.Denied:
		return true
	}
	return false
}

// wantedPreview returns the preview of a pull request. Services and overlays are those
// of its head when its author may deploy, else those of the trusted ref. The stage has
// a name also when there is an error.
func (r *Reconciler) wantedPreview(ctx context.Context, p *v1alpha1.Project, file *project.File, found *outcome, d preview.Decision) (v1alpha1.Stage, error) {
	if d.Request.Fork {
		return r.wantedFork(ctx, p, file, found, d)
	}
	ref := d.Request.Head.Ref
	head := found.hints.head(p.Primary().Name, ref, d.Runs)
	head.Secondary = slices.Clone(head.Secondary)
	trusts, err := r.trusts(ctx, p, file, found.identities, d.Request)
	if err == nil && trusts {
		var own v1alpha1.Head
		own, err = r.Sources.FileOf(ctx, p, d.Runs, found.hints.force, *found.file.Accepted)
		own.Commit, own.Actor, own.Delivery = d.Runs, head.Actor, head.Delivery
		head = own
	}
	return release.WantedPreview(p, file, d.Request.Number, ref, head, d.Pushed), err
}

// wantedFork returns the preview of a pull request from a fork: its commit, with the
// services and overlays of the trusted ref.
func (r *Reconciler) wantedFork(ctx context.Context, p *v1alpha1.Project, file *project.File, found *outcome, d preview.Decision) (v1alpha1.Stage, error) {
	head := found.hints.force
	head.Commit, head.Secondary = d.Runs, slices.Clone(head.Secondary)
	ref, err := r.Pulls.Ref(ctx, p, d.Request.Number)
	if err == nil {
		err = r.Sources.FetchFork(ctx, p, ref, d.Runs)
	}
	stage := release.WantedPreview(p, file, d.Request.Number, ref, head, d.Pushed)
	stage.Spec.Fork = true
	return stage, err
}

// trusts reports whether a pull request's author may say which services its preview
// has: a member who may deploy. A login that came with another account is nobody's.
func (r *Reconciler) trusts(ctx context.Context, p *v1alpha1.Project, file *project.File, identities []v1alpha1.Identity, request scm.PullRequest) (bool, error) {
	author := project.Actor{Login: request.Author}
	for _, one := range identities {
		if project.SameLogin(one.Login, author.Login) && one.Claimed != "" {
			return false, nil
		}
	}
	if author.Login == "" || request.Fork {
		return false, nil
	}
	if file.RoleOf(author).May(project.ActionDeploy, false) {
		return true, nil
	}
	var groups []string
	for _, m := range file.Members {
		if m.Group != "" && m.Role.May(project.ActionDeploy, false) {
			groups = append(groups, m.Group)
		}
	}
	if len(groups) == 0 {
		return false, nil
	}
	in, err := r.Groups.Members(ctx, p, author.Login, groups)
	if err != nil {
		return false, fault.Wrap(fault.Unavailable, err, "the forge does not say who is in %s: %s", printable.Excerpt(fmt.Sprint(groups), 200), fault.MessageOf(err))
	}
	author.Groups = in
	return file.RoleOf(author).May(project.ActionDeploy, false), nil
}

// showsNothing reports whether a new preview would run what the stage runs that it is
// made from. What was found out about a commit stays so when that stage moves on.
func (r *Reconciler) showsNothing(ctx context.Context, p *v1alpha1.Project, file *project.File, known []v1alpha1.Preview, wanted v1alpha1.Stage) bool {
	if wanted.Spec.Fork {
		return false // a stage's repository has no commit of a fork
	}
	for _, one := range known {
		if one.PullRequest == wanted.Spec.PullRequest && one.Commit == wanted.Spec.Wanted.Commit {
			return one.State == v1alpha1.PreviewUnchanged
		}
	}
	var from v1alpha1.Stage
	name := client.ObjectKey{Namespace: p.Namespace, Name: naming.StageObject(p.Name, file.Previews.From)}
	if err := r.Client.Get(ctx, name, &from); err != nil || !from.DeletionTimestamp.IsZero() {
		return false
	}
	return r.Stages.Contents.Runs(ctx, &from, wanted.Spec.Wanted)
}

// setPreviews shows on the project how it stands with previews.
func setPreviews(status *v1alpha1.ProjectStatus, found previews, generation int64) {
	status.Previews = found.known
	if found.condition == nil {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionPreviews)
		return
	}
	kube.SetCondition(&status.Conditions, *found.condition, generation)
}
