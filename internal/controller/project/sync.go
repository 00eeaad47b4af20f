package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// maxStages is how many stages one project may have, previews included.
const maxStages = 2000

// outcome is what a sync found.
type outcome struct {
	heads      git.Heads
	fileCommit string
	file       *v1alpha1.FileInForce // nil when it can't be read or is not in order
	held       *v1alpha1.HeldFile    // the file that waits to be accepted, nil for none
	before     *v1alpha1.Project     // as the sync found it
	force      *project.File         // that was in force then
	identities []v1alpha1.Identity
	asked      []v1alpha1.Acceptance // by people, and by comments
	comments   []comment
	hints      hints
	stages     int
	previews   previews
	ending     map[string]string // by ref: the stage that must be gone before it comes back
}

// syncWatched syncs a project. Once that takes long, the project says what it
// waits for; when the project ends, it does. When it takes long and there is no place
// for it, it ends, too.
func (r *Reconciler) syncWatched(ctx context.Context, p *v1alpha1.Project, these requests, slot *hostSlot) (outcome, error) {
	working, end := r.Work.Begin(ctx, client.ObjectKeyFromObject(p), "")
	working, stop := context.WithCancelCause(working)
	defer stop(nil)
	defer time.AfterFunc(r.Long, func() {
		if !slot.takesLong() {
			stop(fault.New(fault.Unavailable, "stopped after %s, because many git servers take long at the moment and others wait; it is tried again", r.Long))
		}
	}).Stop()
	announced := make(chan struct{})
	go func() {
		defer close(announced)
		r.announce(ctx, working, p)
	}()
	found, err := r.sync(working, p, these.waiting, these.asked)
	cause := context.Cause(working)
	end()
	<-announced
	if err != nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	return found, err
}

// announce says on the project what its sync waits for, once that takes long. It
// returns when the working context ends, or after it wrote.
func (r *Reconciler) announce(ctx, working context.Context, p *v1alpha1.Project) {
	slow := time.NewTimer(r.Slow)
	defer slow.Stop()
	select {
	case <-working.Done():
		return
	case <-slow.C:
	}
	name := client.ObjectKeyFromObject(p)
	waits := cmp.Or(r.Work.UnderWay(name), "its repositories and their forge")
	before := r.memory.current(p)
	after := before.DeepCopy()
	kube.SetCondition(&after.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionSynced, Status: metav1.ConditionUnknown, Reason: "Slow",
		Message: fmt.Sprintf("the sync has run for %s and waits for %s; what is live stays", r.Slow, waits),
	}, p.Generation)
	_ = kube.PatchStatus(ctx, r.Client, before, after) // a sentence for people only; whether it arrived or not,
	r.memory.wrote(name, after.Status)                 // the end of the sync replaces it
}

// sync brings the project's Stage objects to what its refs ask for.
func (r *Reconciler) sync(ctx context.Context, p *v1alpha1.Project, waiting []v1alpha1.Delivery, asked []v1alpha1.Acceptance) (outcome, error) {
	heads, err := r.Sources.Heads(ctx, p, waiting)
	if err != nil {
		return outcome{}, err
	}
	trusted := p.Spec.TrustedRef
	if trusted == "" {
		trusted = heads.Default
	}
	if trusted == "" {
		return outcome{heads: heads}, fault.New(fault.NotFound, "repository %s is empty, or its HEAD is no branch; push a branch with slipway.yaml, or set the Project's spec.trustedRef", p.Primary().Path)
	}
	fileCommit, exists := heads.Refs[trusted]
	if !exists {
		return outcome{heads: heads}, fault.New(fault.NotFound, "repository %s has no ref %s to read the project file from; push it, or set the Project's spec.trustedRef", p.Primary().Path, trusted)
	}
	found := outcome{heads: heads, fileCommit: fileCommit}
	file, err := r.inForce(ctx, p, trusted, &found, waiting, asked)
	if err != nil {
		return found, err
	}
	wanted := wantedStages(p, file, heads, found.hints)
	found.stages = len(wanted)
	if found.ending, err = r.writeStages(ctx, p, wanted); err != nil {
		return found, err
	}
	return found, r.writePreviews(ctx, p, file, &found)
}

// inForce finds the project file that applies to the heads, with the members, stages
// and previews that are accepted, and makes durable which those are.
func (r *Reconciler) inForce(ctx context.Context, p *v1alpha1.Project, trusted string, found *outcome, waiting []v1alpha1.Delivery, asked []v1alpha1.Acceptance) (*project.File, error) {
	document, head, err := r.Sources.FileAt(ctx, p, found.fileCommit)
	if err != nil {
		return nil, err
	}
	now := r.memory.current(p)
	_, force, err := r.accepted(ctx, now)
	if err != nil {
		return nil, err
	}
	if force == nil {
		force = document
	}
	who := identify(now, force.File, waiting, asked)
	found.comments = comments(now, who)
	found.asked = append(slices.Clone(asked), acceptancesOf(found.comments)...)
	found.before, found.force = now, force.File
	verdict, err := r.judge(ctx, now, trusted, found.fileCommit, who.deliveries, found.asked)
	if err != nil {
		return nil, err
	}
	if verdict.held != nil {
		if document, head, err = r.Sources.Under(ctx, now, document, head, verdict.accepted); err != nil {
			return nil, err
		}
	}
	head.FileObject, head.FileActor, head.Acceptance = verdict.object, verdict.actor, verdict.accepted.Number
	head.Secondary = secondaryActors(now, head.Secondary, who.deliveries)
	found.file = &v1alpha1.FileInForce{
		Commit: head.FileCommit, ID: head.FileID, Object: head.FileObject, Actor: head.FileActor, Secondary: head.Secondary, Accepted: &verdict.accepted,
	}
	found.held = verdict.held
	found.identities = identities(now, who.accounts.Of(document.File), metav1.Time{Time: r.Now()})
	found.hints = hints{force: head, deliveries: who.deliveries}
	return document.File, r.keepVerdict(ctx, p, *found)
}

// writeStages makes the project's Stage objects equal to the wanted ones that
// have not run out of time, and returns by ref those that are still being taken down.
// Previews are left alone.
func (r *Reconciler) writeStages(ctx context.Context, p *v1alpha1.Project, wanted []v1alpha1.Stage) (ending map[string]string, err error) {
	if len(wanted) > maxStages {
		return nil, fault.New(fault.Invalid, "project %s would have %d stages, more than %d; narrow the patterns of stages in %s", p.Name, len(wanted), maxStages, project.FileName)
	}
	have, err := r.existing(ctx, p, false)
	if err != nil {
		return nil, err
	}
	living, over, err := r.expire(ctx, p, have, wanted)
	if err != nil {
		return nil, err
	}
	if err := r.Stages.DeleteExpired(ctx, over); err != nil {
		return nil, err
	}
	ending = map[string]string{}
	for _, stage := range living {
		if current := have[stage.Name]; current != nil && !current.DeletionTimestamp.IsZero() {
			ending[stage.Spec.Ref] = stage.Spec.Name
		}
	}
	return ending, r.Stages.Write(ctx, p, have, living)
}

// existing returns the project's previews, or its other stages, by name. They are the
// watch cache's own and must not be changed.
func (r *Reconciler) existing(ctx context.Context, p *v1alpha1.Project, previews bool) (map[string]*v1alpha1.Stage, error) {
	var existing v1alpha1.StageList
	if err := r.Client.List(ctx, &existing, client.InNamespace(p.Namespace), client.MatchingFields{kube.StagesByProject: p.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list stages: %w", err)
	}
	have := make(map[string]*v1alpha1.Stage, len(existing.Items))
	for i := range existing.Items {
		if stage := &existing.Items[i]; stage.IsPreview() == previews {
			have[stage.Name] = stage
		}
	}
	return have, nil
}

// keepVerdict makes durable which file is accepted, and which is held, before any
// stage depends on it.
func (r *Reconciler) keepVerdict(ctx context.Context, p *v1alpha1.Project, o outcome) error {
	before := r.memory.current(p)
	was := before.Status.File
	if was != nil && was.Accepted != nil && was.Accepted.Number == o.file.Accepted.Number && apiequality.Semantic.DeepEqual(before.Status.Held, o.held) {
		return nil
	}
	after := before.DeepCopy()
	after.Status.FileCommit = o.fileCommit
	setFile(&after.Status, o, p.Generation)
	if err := kube.PatchStatus(ctx, r.Client, before, after); err != nil {
		return err
	}
	r.memory.wrote(client.ObjectKeyFromObject(p), after.Status)
	return nil
}

// setFile shows which project file is in force, and which is held.
func setFile(status *v1alpha1.ProjectStatus, o outcome, generation int64) {
	status.File, status.Held, status.Identities = o.file, o.held, o.identities
	accepted := metav1.Condition{Type: v1alpha1.ConditionFileAccepted, Status: metav1.ConditionTrue, Reason: o.file.Accepted.Reason, Message: "the whole file is in force"}
	if by := o.file.Accepted.By; by != "" {
		accepted.Message += "; accepted for " + by
	}
	if o.held != nil {
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionFalse, "Held", o.held.Message
	}
	kube.SetCondition(&status.Conditions, accepted, generation)
}

// record writes what a sync found to the project's status.
func (r *Reconciler) record(ctx context.Context, p *v1alpha1.Project, o outcome, err error) error {
	before := r.memory.current(p)
	after := before.DeepCopy()
	condition := metav1.Condition{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionTrue, Reason: "Synced", Message: "every ref is where the forge says"}
	if err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, reasonOf(err), kube.Sentence(err)
	} else {
		after.Status.Stages = int32(min(o.stages, maxStages)) //nolint:gosec // bounded on this line
		setPreviews(&after.Status, o.previews, p.Generation)
	}
	if o.fileCommit != "" {
		after.Status.FileCommit = o.fileCommit
	}
	if o.file != nil {
		setFile(&after.Status, o, p.Generation)
	}
	after.Status.ObservedGeneration = p.Generation
	kube.SetCondition(&after.Status.Conditions, condition, p.Generation)
	if !apiequality.Semantic.DeepEqual(before.Status, after.Status) {
		after.Status.LastChange = &metav1.Time{Time: r.Now()}
	}
	if err := kube.PatchStatus(ctx, r.Client, before, after); err != nil {
		return err
	}
	r.memory.wrote(client.ObjectKeyFromObject(p), after.Status)
	return nil
}

// reasonOf names an error as the reason of a condition: one of the project file
// is the user's.
func reasonOf(err error) string {
	var problems projectfile.Problems
	if errors.As(err, &problems) {
		return "ProjectFileInvalid"
	}
	return kube.ReasonOf(err)
}
