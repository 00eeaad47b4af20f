package stage

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/printable"
	"github.com/slipway-dev/slipway/internal/release"
)

// Ancestry says whether a commit has another in its history, or is it. The
// code not_found says that it isn't known.
type Ancestry interface {
	Descends(ctx context.Context, p *v1alpha1.Project, commit, ancestor string) (bool, error)
}

// descends returns what compares commits of a stage. What isn't known is no
// descent: a quarantine gives way to certainty only.
func (r *Reconciler) descends(ctx context.Context, stage *v1alpha1.Stage) func(commit, ancestor string) (bool, error) {
	return func(commit, ancestor string) (bool, error) {
		var p v1alpha1.Project
		if err := r.Client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: stage.Spec.Project}, &p); err != nil {
			return false, fmt.Errorf("read project %s: %w", stage.Spec.Project, err)
		}
		descends, err := r.Ancestry.Descends(ctx, &p, commit, ancestor)
		if fault.CodeOf(err) == fault.NotFound {
			return false, nil
		}
		return descends, err
	}
}

// Release creates the release of a step and returns it, nil when there is one
// of that number. Its name comes from its number, so that a stale cache can't
// make a second one.
func (r *Reconciler) Release(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release, step release.Step) (*v1alpha1.Release, error) {
	made := release.New(stage, release.NextNumber(stage, releases), step)
	if made.Spec.Sequence <= r.Queue.Newest(client.ObjectKeyFromObject(stage)) {
		return nil, nil // the watch cache does not show it yet
	}
	if step.Trigger.IsRollback() {
		if err := r.quarantine(ctx, stage, releases, made); err != nil {
			return nil, err
		}
	}
	if err := controllerutil.SetControllerReference(stage, made, r.Client.Scheme()); err != nil {
		return nil, fmt.Errorf("own release %s: %w", made.Name, err)
	}
	err := r.Client.Create(ctx, made)
	if apierrors.IsAlreadyExists(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("create release %s: %w", made.Name, err)
	}
	return made, nil
}

// quarantine makes durable what a release goes back from, before it exists.
func (r *Reconciler) quarantine(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release, back *v1alpha1.Release) error {
	bad := release.HistoryOf(stage, releases).LastDeploy()
	if bad == nil {
		return nil
	}
	back.Spec.Reason = printable.Passage(bad.Status.Message, 1024)
	made := back.DeepCopy()
	made.CreationTimestamp = metav1.Time{Time: r.Now()}
	after := stage.DeepCopy()
	after.Status.Quarantine = release.QuarantineOf(bad, made)
	return kube.PatchStatus(ctx, r.Client, stage, after)
}
