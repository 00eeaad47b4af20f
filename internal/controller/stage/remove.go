package stage

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/queue"
)

// A stage that is not gone after stuckAfter is looked at every stuckPoll only.
const (
	stuckAfter = time.Minute
	stuckPoll  = 5 * time.Second
)

// remove takes a deleted stage down: first its running release, then what it
// owns in its cluster, last the Stage itself. Meanwhile the stage says what remains.
func (r *Reconciler) remove(ctx context.Context, stage *v1alpha1.Stage) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(stage, stageFinalizer) {
		return ctrl.Result{}, nil
	}
	if key := client.ObjectKeyFromObject(stage); r.Queue.Reserved(key) || !r.Queue.Stop(key) {
		return ctrl.Result{RequeueAfter: queue.StopPoll}, nil
	}
	remains, err := r.Targets.Teardown(ctx, stage)
	if err != nil {
		err = fmt.Errorf("take down stage %s: %w", stage.Name, err)
		if showErr := r.showEnding(ctx, stage, kube.Sentence(err)); showErr != nil {
			return ctrl.Result{}, showErr
		}
		return ctrl.Result{}, err
	}
	if remains != "" {
		return r.wait(ctx, stage, remains)
	}
	return r.letGo(ctx, stage)
}

// wait says what remains of a stage, and when to look again.
func (r *Reconciler) wait(ctx context.Context, stage *v1alpha1.Stage, remains string) (ctrl.Result, error) {
	again := queue.StopPoll
	if r.Now().Sub(stage.DeletionTimestamp.Time) > stuckAfter {
		again = stuckPoll
	}
	return ctrl.Result{RequeueAfter: again}, r.showEnding(ctx, stage, remains)
}

// showEnding says that nothing of a stage is live any more, and what keeps it from
// being gone.
func (r *Reconciler) showEnding(ctx context.Context, stage *v1alpha1.Stage, why string) error {
	after := stage.DeepCopy()
	after.Status.ObservedGeneration = stage.Generation
	showLost(after, v1alpha1.ReasonEnding, "the stage is being taken down: "+why)
	return kube.PatchStatus(ctx, r.Client, stage, after)
}

// showLost makes a stage show that nothing of it is live, and why.
func showLost(stage *v1alpha1.Stage, reason, why string) {
	stage.Status.Phase = v1alpha1.PhaseFailed
	for i := range stage.Status.Services {
		stage.Status.Services[i].Ready, stage.Status.Services[i].Message = 0, ""
	}
	kube.SetCondition(&stage.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason, Message: why,
	}, stage.Generation)
}

// letGo takes the finalizer off a stage of which nothing remains.
func (r *Reconciler) letGo(ctx context.Context, stage *v1alpha1.Stage) (ctrl.Result, error) {
	after := stage.DeepCopy()
	controllerutil.RemoveFinalizer(after, stageFinalizer)
	// The lock keeps a look at an old stage from letting a new one of its name go.
	err := r.Client.Patch(ctx, after, client.MergeFromWithOptions(stage, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: kube.ConflictDelay}, nil
	}
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, fmt.Errorf("let stage %s go: %w", stage.Name, err)
	}
	return ctrl.Result{}, nil
}
