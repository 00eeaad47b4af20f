package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/plan"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
)

// maxStages is how many stages one project may have, previews included.
const maxStages = 2000

// parallelStages is how many stages of a project are changed at the same time.
const parallelStages = 16

// hints is what a sync knows besides heads and rules: the head of the project
// file in force, and who, according to the deliveries that wait, moved which ref.
type hints struct {
	force      v1alpha1.Head
	deliveries []v1alpha1.Delivery
}

// head returns the wanted head of a ref at a commit.
func (h hints) head(repository, ref, commit string) v1alpha1.Head {
	head := h.force
	head.Commit = commit
	for _, d := range h.deliveries {
		if d.Spec.Repository == repository && d.Spec.Ref == ref && d.Spec.After == commit {
			head.Actor, head.Delivery = d.Spec.Actor, d.Name
		}
	}
	return head
}

// wantedStages returns what the project file makes of the heads, sorted by the
// name of the Stage object.
func wantedStages(p *v1alpha1.Project, file *project.File, heads git.Heads, h hints) []v1alpha1.Stage {
	return release.Wanted(p, file, heads.Refs, func(ref, commit string) v1alpha1.Head { return h.head(p.Primary().Name, ref, commit) })
}

// bring makes the project's Stage objects equal to the wanted ones. What it
// lists is the watch cache's own and must not be changed.
func (r *Reconciler) bring(ctx context.Context, p *v1alpha1.Project, wanted []v1alpha1.Stage) error {
	if len(wanted) > maxStages {
		return fault.New(fault.Invalid, "project %s would have %d stages, more than %d; narrow the patterns of stages in %s", p.Name, len(wanted), maxStages, project.FileName)
	}
	var existing v1alpha1.StageList
	if err := r.Client.List(ctx, &existing, client.InNamespace(p.Namespace), client.MatchingFields{kube.StagesByProject: p.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list stages: %w", err)
	}
	have := make(map[string]*v1alpha1.Stage, len(existing.Items))
	for i := range existing.Items {
		have[existing.Items[i].Name] = &existing.Items[i]
	}
	wanted, err := r.expire(ctx, p, have, wanted)
	if err != nil {
		return err
	}
	var group errgroup.Group // one that fails does not stop the others
	group.SetLimit(parallelStages)
	for _, moved := range []bool{true, false} { // nobody waits for what stayed where it was
		for i := range wanted {
			current := have[wanted[i].Name]
			if same := current != nil && sameHead(current.Spec.Wanted, wanted[i].Spec.Wanted); same == moved || same && fits(current, &wanted[i]) {
				continue
			}
			one := wanted[i].DeepCopy() // which bringOne fills in while this goes on
			group.Go(func() error { return r.bringOne(ctx, p, current, one) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range wanted {
		delete(have, wanted[i].Name)
	}
	return r.drop(ctx, have)
}

// fits reports whether a stage whose head is the wanted one needs no change.
func fits(current, wanted *v1alpha1.Stage) bool {
	return apiequality.Semantic.DeepEqual(wantedSpec(current, wanted), current.Spec)
}

// wantedSpec returns the wanted spec with what is not the sync's to say.
func wantedSpec(current, wanted *v1alpha1.Stage) v1alpha1.StageSpec {
	spec := wanted.Spec
	spec.Pause, spec.Scale = current.Spec.Pause, current.Spec.Scale
	if sameHead(current.Spec.Wanted, spec.Wanted) {
		spec.Wanted = laterKnown(current.Spec.Wanted, spec.Wanted)
	}
	return spec
}

// bringOne creates a stage or updates what is wanted of it.
func (r *Reconciler) bringOne(ctx context.Context, p *v1alpha1.Project, current, wanted *v1alpha1.Stage) error {
	if current == nil {
		r.quote(ctx, p, &wanted.Spec.Wanted)
		return r.FastPath.Through(ctx, wanted, func() error { return r.create(ctx, wanted) })
	}
	if !current.DeletionTimestamp.IsZero() {
		return nil // it comes back with the sync after its end
	}
	after := current.DeepCopy()
	spec := wantedSpec(current, wanted)
	after.Spec = *spec.DeepCopy()
	if !sameHead(current.Spec.Wanted, wanted.Spec.Wanted) {
		r.quote(ctx, p, &after.Spec.Wanted)
	}
	return r.FastPath.Through(ctx, after, func() error { return r.update(ctx, after) })
}

func (r *Reconciler) create(ctx context.Context, stage *v1alpha1.Stage) error {
	err := r.Client.Create(ctx, stage)
	if apierrors.IsAlreadyExists(err) {
		return apierrors.NewConflict(stages(), stage.Name, errors.New("it was made meanwhile"))
	}
	if err != nil {
		return fmt.Errorf("create stage %s: %w", stage.Name, err)
	}
	return nil
}

// update replaces a stage's spec, unless another spec than the one it was made
// from is there by now. The status, which changes all the time, may differ.
func (r *Reconciler) update(ctx context.Context, stage *v1alpha1.Stage) error {
	patch, err := json.Marshal([]any{
		map[string]any{"op": "test", "path": "/metadata/generation", "value": stage.Generation},
		map[string]any{"op": "replace", "path": "/spec", "value": stage.Spec},
	})
	if err != nil {
		return fmt.Errorf("encode stage %s: %w", stage.Name, err)
	}
	err = r.Client.Patch(ctx, stage, client.RawPatch(types.JSONPatchType, patch))
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

// laterKnown adds to a head who put it there, when a delivery tells it only
// after a timer found the commit.
func laterKnown(head, wanted v1alpha1.Head) v1alpha1.Head {
	if head.Actor == "" {
		head.Actor, head.Delivery = wanted.Actor, wanted.Delivery
	}
	return head
}

// quote fills in what the commit's message says: its subject for people, and
// whether it asks to be skipped. A message that can't be read says nothing.
func (r *Reconciler) quote(ctx context.Context, p *v1alpha1.Project, head *v1alpha1.Head) {
	commit, err := r.Sources.Commit(ctx, p, p.Primary(), head.Commit)
	if err != nil {
		r.Log.Warn("read commit message", "project", p.Name, "commit", head.Commit, "error", err)
	}
	head.Subject, head.Skip = printable.Clip(commit.Subject, 120), plan.Skipped(commit.Message)
}

// drop deletes the stages that nothing asks for any more, where they say so.
func (r *Reconciler) drop(ctx context.Context, unwanted map[string]*v1alpha1.Stage) error {
	for _, stage := range unwanted {
		if stage.Spec.OnDelete != "delete" || stage.Spec.PullRequest != 0 || !stage.DeletionTimestamp.IsZero() {
			continue
		}
		r.Log.Info("stage is no longer asked for", "project", stage.Spec.Project, "stage", stage.Spec.Name, "ref", strings.TrimPrefix(stage.Spec.Ref, "refs/heads/"))
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, stage, client.Preconditions{UID: &stage.UID})); err != nil {
			return fmt.Errorf("delete stage %s: %w", stage.Name, err)
		}
	}
	return nil
}
