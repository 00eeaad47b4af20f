package project

import (
	"cmp"
	"context"
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

// expire returns the wanted stages that live, and the existing ones whose time
// since the last push ran out, which it takes out of have. The commits
// that ran out of time are made durable: their branches are still there, and
// only another commit brings a stage back.
func (r *Reconciler) expire(ctx context.Context, p *v1alpha1.Project, have map[string]*v1alpha1.Stage, wanted []v1alpha1.Stage) (living []v1alpha1.Stage, over []*v1alpha1.Stage, err error) {
	before := r.memory.current(p)
	living, expired := separate(before.Status.Expired, have, wanted, r.Now())
	if !apiequality.Semantic.DeepEqual(before.Status.Expired, expired) {
		after := before.DeepCopy()
		after.Status.Expired = expired
		if err := kube.PatchStatus(ctx, r.Client, before, after); err != nil {
			return nil, nil, err
		}
		r.memory.wrote(client.ObjectKeyFromObject(p), after.Status)
	}
	lives := make(map[string]bool, len(living))
	for i := range living {
		lives[living[i].Name] = true
	}
	for i := range wanted {
		name := wanted[i].Name
		if stage := have[name]; stage != nil && !lives[name] {
			over = append(over, stage)
			delete(have, name)
		}
	}
	return living, over, nil
}

// separate returns the stages that live, each with the time since when its
// commit is there, and the refs of those that do not.
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
	case stage == nil || stage.Spec.Wanted.Commit != commit && (stage.Status.Head == nil || stage.Status.Head.Commit != commit):
		return &metav1.Time{Time: now.Truncate(time.Second)}
	case stage.Spec.Pushed == nil: // its rule had no ttl when it was pushed
		return &stage.CreationTimestamp
	}
	return stage.Spec.Pushed
}
