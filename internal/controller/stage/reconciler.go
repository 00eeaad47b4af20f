package stage

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
)

// stageFinalizer keeps a Stage until what it owns is gone.
const stageFinalizer = release.StageFinalizer

// parallelStages is how many stages are looked at at the same time.
const parallelStages = 8

// Targets are the places of stages on their clusters.
type Targets interface {
	// Teardown removes everything that a stage owns, and says what remains; empty
	// when all is gone.
	Teardown(ctx context.Context, stage *v1alpha1.Stage) (remains string, err error)
	// PruneBundles deletes the bundles of a stage that are not among those used,
	// when more than slack are.
	PruneBundles(ctx context.Context, stage *v1alpha1.Stage, slack int, used []string) error
}

// Reconciler turns a stage's wanted head into releases, shows the newest
// one in the stage's status, and takes the stage down when it is deleted.
type Reconciler struct {
	Client   client.Client
	Live     client.Reader // the API server itself
	Queue    *queue.Queue
	Targets  Targets
	Ancestry Ancestry
	Now      func() time.Time
}

// Reconcile brings one stage forward.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, req.NamespacedName, &stage); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !stage.DeletionTimestamp.IsZero() {
		return r.remove(ctx, &stage)
	}
	releases, step, err := r.Next(ctx, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	history := release.HistoryOf(&stage, releases)
	due, again := step, time.Duration(0)
	if due.Trigger == "" {
		if due, again, err = r.rest(ctx, &stage, history); err != nil {
			return ctrl.Result{}, err
		}
	}
	if due.Trigger != "" && r.Queue.Reserved(req.NamespacedName) {
		return ctrl.Result{RequeueAfter: queue.ReservedPoll}, nil
	}
	if due.Trigger != "" {
		return r.act(ctx, &stage, releases, due)
	}
	if delay := showDelayOf(&stage, history, r.Now()); delay > 0 {
		return ctrl.Result{RequeueAfter: delay}, nil
	}
	if err := r.show(ctx, &stage, history, step); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: again}, r.forget(ctx, &stage, releases, history)
}

// suspendedPoll is how often it is looked whether a project is suspended no longer, when
// one of its stages would fall asleep or wake.
const suspendedPoll = time.Minute

// rest decides whether a stage falls asleep or wakes by itself, and how long to wait
// before that is decided anew. Those of a suspended project do neither.
func (r *Reconciler) rest(ctx context.Context, stage *v1alpha1.Stage, history release.History) (release.Step, time.Duration, error) {
	due, again := release.Rest(stage, history, r.Now())
	if due.Trigger == "" {
		return due, again, nil
	}
	var p v1alpha1.Project
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: stage.Spec.Project}, &p); err != nil {
		return release.Step{}, 0, fmt.Errorf("read project %s: %w", stage.Spec.Project, err)
	}
	if p.Spec.Suspend {
		return release.Step{}, suspendedPoll, nil
	}
	return due, again, nil
}

// act makes the release of a step, unless the stage is not as the watch cache
// shows it: the cache may know a later request's release already, but not yet the
// request, and would take the earlier one for new.
func (r *Reconciler) act(ctx context.Context, stage *v1alpha1.Stage, releases []v1alpha1.Release, step release.Step) (ctrl.Result, error) {
	var now v1alpha1.Stage
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(stage), &now); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if now.UID != stage.UID || now.Generation != stage.Generation {
		return ctrl.Result{RequeueAfter: queue.ReservedPoll}, nil
	}
	_, err := r.Release(ctx, stage, releases, step)
	return ctrl.Result{}, err
}

// Next decides what a stage does next, by its releases, the newest first.
func (r *Reconciler) Next(ctx context.Context, stage *v1alpha1.Stage) ([]v1alpha1.Release, release.Step, error) {
	releases, err := kube.ReleasesOf(ctx, r.Client, stage)
	if err != nil {
		return nil, release.Step{}, err
	}
	step, err := release.Next(stage, release.HistoryOf(stage, releases), r.descends(ctx, stage))
	if err != nil {
		return nil, release.Step{}, fmt.Errorf("decide what stage %s does next: %w", stage.Name, err)
	}
	return releases, step, nil
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Stage{}).
		Watches(&v1alpha1.Release{}, handler.EnqueueRequestsFromMapFunc(stageOfRelease)).
		WithOptions(controller.Options{MaxConcurrentReconciles: parallelStages, RateLimiter: kube.Retries()}).
		Complete(r)
}

// stageOfRelease asks for a look at a release's stage, whoever made it.
func stageOfRelease(_ context.Context, o client.Object) []reconcile.Request {
	rel, ok := o.(*v1alpha1.Release)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: rel.Namespace, Name: rel.Spec.Stage}}}
}
