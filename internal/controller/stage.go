package controller

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
)

// stageFinalizer keeps a Stage until what it owns is gone.
const stageFinalizer = "slipway.dev/stage"

// keptReleases is how many finished releases a stage keeps.
const keptReleases = 20

// stopPoll is how often a stage that ends looks whether its running release
// has stopped.
const stopPoll = 200 * time.Millisecond

// releaseStage indexes releases by the Stage object they are for.
const releaseStage = "spec.stage"

// StageReconciler turns a stage's wanted head into releases, shows the newest
// one in the stage's status, and takes the stage down when it is deleted.
type StageReconciler struct {
	Client   client.Client
	Lanes    *Lanes
	Sites    *Sites
	Parallel int
}

// Reconcile brings one stage forward.
func (r *StageReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, req.NamespacedName, &stage); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !stage.DeletionTimestamp.IsZero() {
		return r.remove(ctx, &stage)
	}
	releases, err := releasesOf(ctx, r.Client, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	if needsRelease(&stage, releases) {
		return ctrl.Result{}, r.release(ctx, &stage, releases)
	}
	if delay := showsLater(&stage, releases); delay > 0 {
		return ctrl.Result{RequeueAfter: delay}, nil
	}
	if err := r.show(ctx, &stage, releases); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.forget(ctx, &stage, releases)
}

// unsaid is how long a release that said nothing yet is not shown: most begin
// and end at once, and the first word says more than that they exist. Objects
// know the second of their creation only.
const unsaid = 2 * time.Second

// showsLater returns how long to wait before the stage shows its newest
// release, 0 for not at all.
func showsLater(stage *v1alpha1.Stage, releases []v1alpha1.Release) time.Duration {
	if len(releases) == 0 || releases[0].Status.Phase != "" || stage.Status.Release == releases[0].Name {
		return 0
	}
	return unsaid - time.Since(releases[0].CreationTimestamp.Time)
}

// releasesOf returns a stage's releases, newest first.
func releasesOf(ctx context.Context, c client.Client, stage *v1alpha1.Stage) ([]v1alpha1.Release, error) {
	var list v1alpha1.ReleaseList
	if err := c.List(ctx, &list, client.InNamespace(stage.Namespace), client.MatchingFields{releaseStage: stage.Name}); err != nil {
		return nil, fmt.Errorf("list releases of stage %s: %w", stage.Name, err)
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.Release) int { return cmp.Compare(b.Spec.Sequence, a.Spec.Sequence) })
	return list.Items, nil
}

// needsRelease reports whether the wanted head has no release yet. A head
// whose pusher became known only after its release was held gets another.
func needsRelease(stage *v1alpha1.Stage, releases []v1alpha1.Release) bool {
	if stage.Spec.Pause != nil || stage.Spec.PromoteFrom != "" {
		return false
	}
	if len(releases) == 0 {
		return true
	}
	newest := releases[0]
	if newest.Status.Phase == v1alpha1.PhaseHeld && newest.Spec.Head.Actor != stage.Spec.Wanted.Actor {
		return true
	}
	return !sameHead(newest.Spec.Head, stage.Spec.Wanted)
}

// release creates the release of the wanted head. Its name comes from its
// number, so that a stale cache can't make a second one of the same number.
func (r *StageReconciler) release(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release) error {
	sequence := stage.Status.Sequence + 1
	if len(releases) > 0 {
		sequence = max(sequence, releases[0].Spec.Sequence+1)
	}
	release := &v1alpha1.Release{
		ObjectMeta: metav1.ObjectMeta{
			Name:      naming.Release(stage.Name, sequence),
			Namespace: stage.Namespace,
			Labels:    stage.Labels,
		},
		Spec: v1alpha1.ReleaseSpec{
			Project:  stage.Spec.Project,
			Stage:    stage.Name,
			Sequence: sequence,
			Head:     stage.Spec.Wanted,
			Trigger:  v1alpha1.TriggerPush,
		},
	}
	if err := controllerutil.SetControllerReference(stage, release, r.Client.Scheme()); err != nil {
		return fmt.Errorf("own release %s: %w", release.Name, err)
	}
	err := r.Client.Create(ctx, release)
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create release %s: %w", release.Name, err)
	}
	return nil
}

// show writes the newest release, and the newest that succeeded, to the
// stage's status.
func (r *StageReconciler) show(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release) error {
	after := stage.DeepCopy()
	after.Status.ObservedGeneration = stage.Generation
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: "NoRelease", Message: "no release yet"}
	if stage.Spec.PromoteFrom != "" {
		condition.Message = "waits for a promotion from stage " + stage.Spec.PromoteFrom
	}
	if len(releases) > 0 {
		newest := releases[0]
		after.Status.Release, after.Status.Attempted = newest.Name, newest.Spec.Head.Commit
		after.Status.Phase, after.Status.Sequence = newest.Status.Phase, newest.Spec.Sequence
		condition.Status, condition.Reason, condition.Message = readiness(newest)
	}
	for _, release := range releases {
		if release.Status.Phase == v1alpha1.PhaseSucceeded {
			after.Status.Good, after.Status.Commit, after.Status.URL = release.Name, release.Spec.Head.Commit, release.Status.URL
			break
		}
	}
	setCondition(&after.Status.Conditions, condition, stage.Generation)
	return patchStatus(ctx, r.Client, stage, after)
}

// readiness puts a release's phase into a condition of its stage.
func readiness(release v1alpha1.Release) (status metav1.ConditionStatus, reason, message string) {
	switch phase := release.Status.Phase; phase {
	case v1alpha1.PhaseSucceeded:
		return metav1.ConditionTrue, string(phase), release.Status.Message
	case v1alpha1.PhaseFailed:
		return metav1.ConditionFalse, cmp.Or(release.Status.Cause, string(phase)), release.Status.Message
	default:
		return metav1.ConditionUnknown, cmp.Or(string(phase), string(v1alpha1.PhasePending)), release.Status.Message
	}
}

// forget deletes finished releases beyond those that are kept; the last good
// one always is.
func (r *StageReconciler) forget(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release) error {
	if len(releases) > 0 && !releases[0].Status.Phase.Done() {
		return nil // there is time for it when the newest is through
	}
	for i := keptReleases; i < len(releases); i++ {
		if releases[i].Name == stage.Status.Good || !releases[i].Status.Phase.Done() {
			continue
		}
		if err := client.IgnoreNotFound(r.Client.Delete(ctx, &releases[i])); err != nil {
			return fmt.Errorf("delete release %s: %w", releases[i].Name, err)
		}
	}
	return nil
}

// remove takes a deleted stage down: first its running release, then what it
// owns in its cluster, last the Stage itself.
func (r *StageReconciler) remove(ctx context.Context, stage *v1alpha1.Stage) (ctrl.Result, error) {
	if !controllerutil.ContainsFinalizer(stage, stageFinalizer) {
		return ctrl.Result{}, nil
	}
	if !r.Lanes.Stop(client.ObjectKeyFromObject(stage)) {
		return ctrl.Result{RequeueAfter: stopPoll}, nil
	}
	site, err := r.Sites.Of(ctx, stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	gone, err := site.Teardown(ctx)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("take down stage %s: %w", stage.Name, err)
	}
	if !gone {
		return ctrl.Result{RequeueAfter: stopPoll}, nil
	}
	after := stage.DeepCopy()
	controllerutil.RemoveFinalizer(after, stageFinalizer)
	err = client.IgnoreNotFound(r.Client.Patch(ctx, after, client.MergeFrom(stage)))
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("let stage %s go: %w", stage.Name, err)
	}
	return ctrl.Result{}, nil
}

// SetupWithManager registers the reconciler.
func (r *StageReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Stage{}).
		Owns(&v1alpha1.Release{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.Parallel}).
		Complete(r)
}
