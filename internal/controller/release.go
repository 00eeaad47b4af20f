package controller

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/release"
)

// heldPoll is how often a held release is planned again: a check may have
// passed or a freeze ended.
const heldPoll = 30 * time.Second

// ReleaseReconciler runs the newest unfinished release of each stage, and
// marks those that a newer one overtook before they ran.
type ReleaseReconciler struct {
	Client client.Client
	Lanes  *Lanes
	Sites  *Sites
	Runner *release.Runner
	Log    *slog.Logger
}

// Reconcile starts, resumes or supersedes one release.
func (r *ReleaseReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var rel v1alpha1.Release
	if err := r.Client.Get(ctx, req.NamespacedName, &rel); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if rel.Status.Phase.Done() || !rel.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	order, err := r.order(ctx, &rel)
	if err != nil {
		return ctrl.Result{}, err
	}
	if order == nil {
		return ctrl.Result{}, nil
	}
	if order.Newest > rel.Spec.Sequence {
		return ctrl.Result{}, r.supersede(ctx, order.Order)
	}

	r.Lanes.Submit(client.ObjectKeyFromObject(order.Stage), rel.Spec.Sequence, func(ctx context.Context) bool { return r.run(ctx, order.Order) })
	for i := range order.Overtaken {
		older := order.Order
		older.Release = &order.Overtaken[i]
		if err := r.supersede(ctx, older); err != nil {
			return ctrl.Result{}, err
		}
	}
	if rel.Status.Phase == v1alpha1.PhaseHeld {
		return ctrl.Result{RequeueAfter: heldPoll}, nil
	}
	return ctrl.Result{}, nil
}

// supersede ends a release that a newer one overtook, unless it runs: then its
// lane ends it.
func (r *ReleaseReconciler) supersede(ctx context.Context, order release.Order) error {
	if r.Lanes.Running(client.ObjectKeyFromObject(order.Stage)) == order.Release.Spec.Sequence {
		return nil
	}
	return r.Runner.Supersede(ctx, order, r.journal(order.Release))
}

// numberedOrder is an order with the number of the newest release of its
// stage, and the older ones that are not done.
type numberedOrder struct {
	release.Order
	Newest    int64
	Overtaken []v1alpha1.Release
}

// order gathers what a release needs; nil when its stage is gone or going.
func (r *ReleaseReconciler) order(ctx context.Context, rel *v1alpha1.Release) (*numberedOrder, error) {
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: rel.Namespace, Name: rel.Spec.Stage}, &stage); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if !stage.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	order, err := r.Sites.Order(ctx, &stage)
	if err != nil {
		return nil, err
	}
	releases, err := releasesOf(ctx, r.Client, &stage)
	if err != nil {
		return nil, err
	}
	order.Release = rel
	numbered := numberedOrder{Order: order, Newest: rel.Spec.Sequence}
	for i := range releases {
		numbered.Newest = max(numbered.Newest, releases[i].Spec.Sequence)
		if releases[i].Spec.Sequence < rel.Spec.Sequence && !releases[i].Status.Phase.Done() {
			numbered.Overtaken = append(numbered.Overtaken, releases[i])
		}
		if numbered.Order.Good == nil && releases[i].Status.Phase == v1alpha1.PhaseSucceeded {
			numbered.Order.Good = &releases[i]
		}
	}
	return &numbered, nil
}

// run runs a release until it is done, held, superseded, or the server stops.
// What fails outside the story (the API server, say) is tried again. It
// reports whether the release needs no other run.
func (r *ReleaseReconciler) run(ctx context.Context, order release.Order) (over bool) {
	log := r.Log.With("organization", order.Organization, "project", order.Project.Name, "stage", order.Stage.Spec.Name,
		"release", order.Release.Name, "commit", order.Release.Spec.Head.Commit)
	backoff := wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 1 << 20, Cap: 30 * time.Second}
	for {
		journal := r.journal(order.Release)
		err := r.Runner.Run(ctx, order, journal)
		journal.Close()
		if err == nil {
			return journal.over()
		}
		log.Error("release", "error", err, "code", fault.CodeOf(err))
		select {
		case <-ctx.Done():
			return false
		case <-time.After(backoff.Step()):
		}
	}
}

// journal writes a release's status.
func (r *ReleaseReconciler) journal(rel *v1alpha1.Release) *statusJournal {
	return newStatusJournal(r.Client, rel, r.Log)
}

// SetupWithManager registers the reconciler.
func (r *ReleaseReconciler) SetupWithManager(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Release{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up releases: %w", err)
	}
	return nil
}
