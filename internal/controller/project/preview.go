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
	if err == nil {
		decisions := preview.Decide(preview.Facts{
			Previews: file.Previews, Open: open, Heads: found.heads.Refs, Known: knownPreviews(now.Status.Previews, have), Now: r.Now().Truncate(time.Second),
		})
		wanted, found.previews.known, err = r.wantedPreviews(ctx, p, file, found, decisions, have)
	}
	if err != nil {
		found.previews = previews{
			known: now.Status.Previews, condition: previewsCondition(metav1.ConditionFalse, kube.ReasonOf(err), "previews stay as they are: "+kube.Sentence(err)),
			again: fault.CodeOf(err) == fault.Unavailable || fault.CodeOf(err) == fault.Internal,
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

// knownPreviews returns the previews that there are, and those that expired.
func knownPreviews(status []v1alpha1.Preview, have map[string]*v1alpha1.Stage) map[int64]preview.Known {
	known := map[int64]preview.Known{}
	for _, one := range status {
		if one.State == v1alpha1.PreviewExpired {
			known[one.PullRequest] = preview.Known{Commit: one.Commit, Expired: true}
		}
	}
	for _, stage := range have {
		if !stage.DeletionTimestamp.IsZero() {
			continue
		}
		one := preview.Known{Commit: stage.Spec.Wanted.Commit, Pushed: stage.CreationTimestamp.Time}
		if head := stage.Status.Unchanged(); head != "" {
			one.Commit = head
		}
		if stage.Spec.Pushed != nil {
			one.Pushed = stage.Spec.Pushed.Time
		}
		known[stage.Spec.PullRequest] = one
	}
	return known
}

// wantedPreviews returns the previews that the decisions ask for, and how it stands
// with each pull request.
func (r *Reconciler) wantedPreviews(ctx context.Context, p *v1alpha1.Project, file *project.File, found *outcome, decisions []preview.Decision, have map[string]*v1alpha1.Stage) (wanted []v1alpha1.Stage, known []v1alpha1.Preview, err error) {
	gated, err := r.behindGate(ctx, p, file)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range decisions {
		one := v1alpha1.Preview{PullRequest: d.Request.Number, State: string(d.State), Commit: d.Commit, Message: printable.Passage(d.Reason, 1024)}
		switch d.State {
		case preview.None:
			continue
		case preview.Live:
			stage, err := r.wantedPreview(ctx, p, file, found, d)
			if err != nil && !isMistake(err) {
				return nil, nil, err
			}
			stage.Spec.Gated = gated
			current := have[stage.Name]
			if err != nil {
				one.State, one.Message = v1alpha1.PreviewFailed, printable.Passage(fault.MessageOf(err), 1024)
			} else if current == nil && r.showsNothing(ctx, p, file, found.before.Status.Previews, stage) {
				one.State, one.Message = v1alpha1.PreviewUnchanged, "nothing to preview: it makes what runs at stage "+file.Previews.From
			}
			if one.State == v1alpha1.PreviewFailed && current != nil { // it runs on until the mistake is corrected
				stage.Spec = *current.Spec.DeepCopy()
				wanted = append(wanted, stage)
			} else if one.State == v1alpha1.PreviewLive {
				wanted = append(wanted, stage)
			}
		}
		known = append(known, one)
	}
	return wanted, known, nil
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
	ref := d.Request.Head.Ref
	head := found.hints.head(p.Primary().Name, ref, d.Commit)
	head.Secondary = slices.Clone(head.Secondary)
	trusts, err := r.trusts(ctx, p, file, found.identities, d.Request)
	if err == nil && trusts {
		var own v1alpha1.Head
		own, err = r.Sources.FileOf(ctx, p, d.Commit, found.hints.force, *found.file.Accepted)
		own.Commit, own.Actor, own.Delivery = d.Commit, head.Actor, head.Delivery
		head = own
	}
	return release.WantedPreview(p, file, d.Request.Number, ref, head, d.Pushed), err
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
