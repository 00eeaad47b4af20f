package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/repository"
)

// parallelStages is how many stages of a project are changed at the same time.
const parallelStages = 16

// Commits reads what commits say of themselves.
type Commits interface {
	// Commit returns a commit that was fetched.
	Commit(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) (git.Commit, error)
}

// FastPath starts the release of a stage that a sync changes without waiting
// for the watches to show the change.
type FastPath interface {
	// Through calls write, which makes the stage durable, and returns its error.
	Through(ctx context.Context, stage *v1alpha1.Stage, write func() error) error
}

// Contents tells which stages a new head leaves as they are.
type Contents interface {
	// Unchanged begins the comparisons of one sync. What it returns reports whether a
	// new head changes nothing at a stage, and is safe for concurrent use.
	Unchanged() func(ctx context.Context, move release.Move) bool
	// Runs reports whether a head would make what the stage runs; false where that
	// can't be told.
	Runs(ctx context.Context, stage *v1alpha1.Stage, head v1alpha1.Head) bool
}

// StageWriter makes the Stage objects of a project what they should be. A
// Stage that changed meanwhile is a conflict: sync again.
type StageWriter struct {
	Client   client.Client
	Commits  Commits
	Contents Contents
	FastPath FastPath
	Log      *slog.Logger

	written generations
}

// Write makes the project's Stage objects equal to the wanted ones, in their order,
// but those whose head moved first. A head that changes nothing at a stage is not
// written to it; the others don't wait until that is known of all. The stages that the
// project has are by name, and are not changed in memory.
func (w *StageWriter) Write(ctx context.Context, p *v1alpha1.Project, have map[string]*v1alpha1.Stage, wanted []v1alpha1.Stage) error {
	unchanged := w.Contents.Unchanged()
	var group errgroup.Group // one that fails does not stop the others
	group.SetLimit(parallelStages)
	for _, moved := range []bool{true, false} { // nobody waits for what stayed where it was
		for i := range wanted {
			current := have[wanted[i].Name]
			if same := current != nil && sameHead(current.Spec.Wanted, wanted[i].Spec.Wanted); same == moved || same && fits(current, &wanted[i]) {
				continue
			}
			one := wanted[i].DeepCopy() // which writeOne fills in while this goes on
			group.Go(func() error {
				if moved && w.keepsHead(ctx, unchanged, current, one) && fits(current, one) {
					return nil
				}
				return w.writeOne(ctx, p, current, one)
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	unwanted := maps.Clone(have)
	for i := range wanted {
		delete(unwanted, wanted[i].Name)
	}
	return w.deleteUnwanted(ctx, unwanted)
}

// keepsHead gives a wanted stage the head that the stage has, if the wanted one
// changes nothing, and reports whether it does. A stage that was written since the
// watch cache saw it is not asked about: writing it is a conflict.
func (w *StageWriter) keepsHead(ctx context.Context, unchanged func(context.Context, release.Move) bool, current, wanted *v1alpha1.Stage) bool {
	if current == nil || !current.DeletionTimestamp.IsZero() || w.written.isStale(current) || !unchanged(ctx, release.Move{Stage: current, Head: wanted.Spec.Wanted}) {
		return false
	}
	wanted.Spec.Wanted = *current.Spec.Wanted.DeepCopy()
	return true
}

// DeleteExpired deletes stages that ran out of time.
func (w *StageWriter) DeleteExpired(ctx context.Context, stages []*v1alpha1.Stage) error {
	for _, stage := range stages {
		if !stage.DeletionTimestamp.IsZero() {
			continue
		}
		w.Log.Info("stage ran out of time", "project", stage.Spec.Project, "stage", stage.Spec.Name)
		if err := w.delete(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// fits reports whether a stage whose head is the wanted one needs no change.
func fits(current, wanted *v1alpha1.Stage) bool {
	return current.DeletionTimestamp.IsZero() && apiequality.Semantic.DeepEqual(wantedSpec(current, wanted), current.Spec)
}

// wantedSpec returns the wanted spec with what is not the sync's to say.
func wantedSpec(current, wanted *v1alpha1.Stage) v1alpha1.StageSpec {
	spec := wanted.Spec
	spec.Pause, spec.Scale, spec.Extension = current.Spec.Pause, current.Spec.Scale, current.Spec.Extension
	switch known := current.Spec.Wanted; {
	case sameHead(known, spec.Wanted):
		spec.Wanted = laterKnown(known, spec.Wanted)
	case known.Commit == spec.Wanted.Commit && spec.Wanted.Actor == "": // something else changed
		spec.Wanted.Actor, spec.Wanted.Delivery = known.Actor, known.Delivery
	}
	return spec
}

// writeOne creates a stage or updates what is wanted of it.
func (w *StageWriter) writeOne(ctx context.Context, p *v1alpha1.Project, current, wanted *v1alpha1.Stage) error {
	if current == nil {
		w.quote(ctx, p, wanted)
		return w.FastPath.Through(ctx, wanted, func() error { return w.create(ctx, wanted) })
	}
	if !current.DeletionTimestamp.IsZero() {
		return w.wantAgain(ctx, current, wanted.Spec.Wanted.Commit) // it comes back with the sync after its end
	}
	after := current.DeepCopy()
	spec := wantedSpec(current, wanted)
	after.Spec = *spec.DeepCopy()
	if !sameHead(current.Spec.Wanted, wanted.Spec.Wanted) {
		w.quote(ctx, p, after)
	}
	return w.FastPath.Through(ctx, after, func() error { return w.update(ctx, after) })
}

// wantAgain notes on a stage that is being deleted with which commit its ref came
// back.
func (w *StageWriter) wantAgain(ctx context.Context, stage *v1alpha1.Stage, commit string) error {
	if stage.Annotations[naming.AnnotationWantedAgain] == commit {
		return nil
	}
	after := stage.DeepCopy()
	if after.Annotations == nil {
		after.Annotations = map[string]string{}
	}
	after.Annotations[naming.AnnotationWantedAgain] = commit
	if err := client.IgnoreNotFound(w.Client.Patch(ctx, after, client.MergeFrom(stage))); err != nil {
		return fmt.Errorf("note that the ref of stage %s is back: %w", stage.Name, err)
	}
	return nil
}

func (w *StageWriter) create(ctx context.Context, stage *v1alpha1.Stage) error {
	err := w.Client.Create(ctx, stage)
	if apierrors.IsAlreadyExists(err) {
		return apierrors.NewConflict(stages(), stage.Name, errors.New("it was made meanwhile"))
	}
	if err != nil {
		return fmt.Errorf("create stage %s: %w", stage.Name, err)
	}
	w.written.record(stage)
	return nil
}

// update replaces a stage's spec, unless another spec than the one it was made
// from is there by now. The status, which changes all the time, may differ.
func (w *StageWriter) update(ctx context.Context, stage *v1alpha1.Stage) error {
	patch, err := json.Marshal([]any{
		map[string]any{"op": "test", "path": "/metadata/generation", "value": stage.Generation},
		map[string]any{"op": "replace", "path": "/spec", "value": stage.Spec},
	})
	if err != nil {
		return fmt.Errorf("encode stage %s: %w", stage.Name, err)
	}
	before := stage.DeepCopy()
	w.written.expect(before)
	if err = w.Client.Patch(ctx, stage, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		stage = before
	}
	w.written.record(stage)
	if apierrors.IsNotFound(err) || apierrors.IsInvalid(err) && strings.Contains(err.Error(), "/metadata/generation") {
		return apierrors.NewConflict(stages(), stage.Name, errors.New("it was changed meanwhile"))
	}
	if err != nil {
		return fmt.Errorf("update stage %s: %w", stage.Name, err)
	}
	return nil
}

// stages names the resource in conflicts.
func stages() schema.GroupResource {
	return v1alpha1.GroupVersion().WithResource("stages").GroupResource()
}

// sameHead reports whether nothing that a release depends on differs. The
// commit that the project file came from may: only the file counts.
func sameHead(a, b v1alpha1.Head) bool { return a.Commit == b.Commit && a.FileID == b.FileID }

// laterKnown adds to a head who put it there, when a delivery says so only after a
// timer found the commit.
func laterKnown(head, wanted v1alpha1.Head) v1alpha1.Head {
	if head.Actor == "" {
		head.Actor, head.Delivery = wanted.Actor, wanted.Delivery
	}
	if head.FileActor == "" && head.FileObject == wanted.FileObject {
		head.FileActor = wanted.FileActor
	}
	head.Secondary = withActors(head.Secondary, wanted.Secondary)
	return head
}

// quote fills in what the commit's message says: its subject for people, and
// whether it asks to be skipped. A message that can't be read says nothing.
func (w *StageWriter) quote(ctx context.Context, p *v1alpha1.Project, stage *v1alpha1.Stage) {
	head, from := &stage.Spec.Wanted, p.Primary()
	if stage.Spec.Fork {
		from = repository.Fork(p, stage.Spec.Ref)
	}
	commit, err := w.Commits.Commit(ctx, p, from, head.Commit)
	if err != nil {
		w.Log.Warn("read commit message", "project", p.Name, "commit", head.Commit, "error", err)
	}
	head.Subject, head.Skip = printable.Excerpt(commit.Subject, 120), plan.Skipped(commit.Message)
}

// deleteUnwanted deletes the stages that nothing asks for any more, where they
// say so.
func (w *StageWriter) deleteUnwanted(ctx context.Context, unwanted map[string]*v1alpha1.Stage) error {
	for _, stage := range unwanted {
		if stage.Spec.OnDelete != "delete" || !stage.DeletionTimestamp.IsZero() {
			continue
		}
		w.Log.Info("stage is no longer asked for", "project", stage.Spec.Project, "stage", stage.Spec.Name, "ref", strings.TrimPrefix(stage.Spec.Ref, "refs/heads/"))
		if err := w.delete(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

// delete deletes a stage, and never another that has its name meanwhile.
func (w *StageWriter) delete(ctx context.Context, stage *v1alpha1.Stage) error {
	err := w.Client.Delete(ctx, stage, client.Preconditions{UID: &stage.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete stage %s: %w", stage.Name, err)
	}
	return nil
}

// generations remembers the generation that stages have since they were last
// written, which the watch cache may not show yet. The zero value is ready for use.
type generations struct {
	written sync.Map // types.UID → int64
}

func (g *generations) record(stage *v1alpha1.Stage) { g.written.Store(stage.UID, stage.Generation) }

// expect records that a stage is about to be written, so that nobody takes the
// write for somebody else's before it is answered.
func (g *generations) expect(stage *v1alpha1.Stage) {
	g.written.Store(stage.UID, stage.Generation+1)
}

func (g *generations) forget(stage types.UID) { g.written.Delete(stage) }

// isStale reports whether a stage was written since it was as it is here.
func (g *generations) isStale(stage *v1alpha1.Stage) bool {
	written, known := g.written.Load(stage.UID)
	return known && stage.Generation < written.(int64)
}

// isForeign reports whether somebody else wrote a stage as it is here.
func (g *generations) isForeign(stage *v1alpha1.Stage) bool {
	written, known := g.written.Load(stage.UID)
	return !known || stage.Generation > written.(int64)
}
