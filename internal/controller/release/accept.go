package release

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/release/runner"
)

// accept decides whether a release that a person asked for may begin, before
// it overtakes anything. What it changes in the stage is durable before the
// release is accepted, so that a crash between the two only decides again.
// Every write fails with a conflict when the release is not as it was read.
func (r *Reconciler) accept(ctx context.Context, in *numberedInputs) (bool, error) {
	// Who scales writes the stage right before the release: the watch cache may
	// know of the one and not of the other.
	var stage v1alpha1.Stage
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(in.Stage), &stage); err != nil {
		return false, fmt.Errorf("read stage %s: %w", in.Stage.Name, err)
	}
	in.Stage = &stage
	rel, err := r.adopt(ctx, in.Stage, in.Release)
	if err != nil {
		return false, err
	}
	in.Release = rel
	answer, err := r.Runner.Accept(ctx, in.Inputs, in.History)
	if err != nil {
		return false, fmt.Errorf("decide about release %s: %w", rel.Name, err)
	}
	if answer.Refused == nil {
		if err := r.prepare(ctx, in, answer); err != nil {
			return false, err
		}
	}
	after := rel.DeepCopy()
	after.Status = r.Runner.Answered(in.Inputs, answer)
	after.Status.ObservedGeneration = after.Generation
	if err := r.Client.Status().Patch(ctx, after, client.MergeFromWithOptions(rel, client.MergeFromWithOptimisticLock{})); err != nil {
		return false, fmt.Errorf("answer release %s: %w", rel.Name, err)
	}
	r.Log.Info("release was asked for", "project", rel.Spec.Project, "stage", in.Stage.Spec.Name, "release", rel.Name,
		"trigger", rel.Spec.Trigger, "by", rel.Spec.By, "accepted", answer.Refused == nil, "answer", after.Status.Message)
	in.Release = after
	return answer.Refused == nil, nil
}

// adopt makes the stage own a release that a person made: it goes with the
// stage then, and is found by its labels.
func (r *Reconciler) adopt(ctx context.Context, stage *v1alpha1.Stage, rel *v1alpha1.Release) (*v1alpha1.Release, error) {
	if metav1.IsControlledBy(rel, stage) {
		return rel, nil
	}
	after := rel.DeepCopy()
	after.OwnerReferences, after.Labels = nil, stage.Labels
	if err := controllerutil.SetControllerReference(stage, after, r.Client.Scheme()); err != nil {
		return nil, fmt.Errorf("own release %s: %w", rel.Name, err)
	}
	if err := r.Client.Patch(ctx, after, client.MergeFromWithOptions(rel, client.MergeFromWithOptimisticLock{})); err != nil {
		return nil, fmt.Errorf("own release %s: %w", rel.Name, err)
	}
	return after, nil
}

// prepare writes what an accepted release changes in its stage: what is
// quarantined, and the replicas in force.
func (r *Reconciler) prepare(ctx context.Context, in *numberedInputs, answer runner.Answer) error {
	after := in.Stage.DeepCopy()
	if answer.Quarantine != nil {
		after.Status.Quarantine = answer.Quarantine
	}
	if answer.Scales {
		after.Status.Scale = answer.Scale
	}
	if err := kube.PatchStatus(ctx, r.Client, in.Stage, after); err != nil {
		return err
	}
	in.Stage = after
	return nil
}
