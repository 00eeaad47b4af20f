package project

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
)

// maxExpired is how many refs a project remembers whose stages ran out of
// time.
const maxExpired = 1000

// expire takes down the stages whose time since the last push ran out and
// returns the others. The commit is remembered first: its branch is still
// there, and only another commit brings the stage back.
func (r *Reconciler) expire(ctx context.Context, p *v1alpha1.Project, have map[string]*v1alpha1.Stage, wanted []v1alpha1.Stage) ([]v1alpha1.Stage, error) {
	known := r.memory.current(p)
	living, expired := separate(known.Status.Expired, have, wanted, r.Now())
	after := known.DeepCopy()
	after.Status.Expired = expired
	if !apiequality.Semantic.DeepEqual(known.Status.Expired, expired) {
		if err := kube.PatchStatus(ctx, r.Client, known, after); err != nil {
			return nil, err
		}
		r.memory.wrote(client.ObjectKeyFromObject(p), after.Status)
	}
	lives := make(map[string]bool, len(living))
	for i := range living {
		lives[living[i].Name] = true
	}
	for i := range wanted {
		over := &wanted[i]
		stage := have[over.Name]
		if stage == nil || lives[over.Name] {
			continue
		}
		delete(have, over.Name)
		if !stage.DeletionTimestamp.IsZero() {
			continue
		}
		r.Log.Info("stage ran out of time", "project", p.Name, "stage", stage.Spec.Name, "ttl", over.Spec.TTL.Duration)
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, stage)); err != nil {
			return nil, fmt.Errorf("delete stage %s: %w", stage.Name, err)
		}
	}
	return living, nil
}

// separate tells the stages that live from the refs of those that do not. A
// living one knows since when its commit is there.
func separate(known []v1alpha1.ExpiredRef, have map[string]*v1alpha1.Stage, wanted []v1alpha1.Stage, now time.Time) (living []v1alpha1.Stage, expired []v1alpha1.ExpiredRef) {
	for _, stage := range wanted {
		if stage.Spec.TTL == nil {
			living = append(living, stage)
			continue
		}
		ref := v1alpha1.ExpiredRef{Ref: stage.Spec.Ref, Commit: stage.Spec.Wanted.Commit}
		stage.Spec.Pushed = pushed(have[stage.Name], ref.Commit, now)
		gone := slices.Contains(known, ref) || now.Sub(stage.Spec.Pushed.Time) > stage.Spec.TTL.Duration
		if gone && len(expired) < maxExpired {
			expired = append(expired, ref)
			continue
		}
		living = append(living, stage)
	}
	slices.SortFunc(expired, func(a, b v1alpha1.ExpiredRef) int { return cmp.Compare(a.Ref, b.Ref) })
	return living, expired
}

// pushed returns since when a stage's commit is there, as far as is known.
func pushed(stage *v1alpha1.Stage, commit string, now time.Time) *metav1.Time {
	switch {
	case stage == nil || stage.Spec.Wanted.Commit != commit:
		return &metav1.Time{Time: now.Truncate(time.Second)}
	case stage.Spec.Pushed == nil: // its rule had no ttl when it was pushed
		return &stage.CreationTimestamp
	}
	return stage.Spec.Pushed
}
