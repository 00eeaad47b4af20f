package report

import (
	"context"
	"errors"
	"log/slog"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/report"
)

// Forges has the clients of projects' forges.
type Forges interface {
	// Client returns nil when the project has no credentials for the forge.
	Client(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (*forge.Client, error)
}

// Reconciler reports how releases stand. It works beside the releases and never
// holds one up. It is keyed by stage, so that the reports of a stage are sent one
// after the other, and each says the newest state: what happened meanwhile is
// skipped. What was reported is kept in the release's status, so that a restart
// repeats at most the last report.
type Reconciler struct {
	client client.Client
	forges Forges
	sinks  notify.Sink
	log    *slog.Logger

	memory reportMemory
}

// New returns a reconciler that reports to sinks.
func New(c client.Client, forges Forges, sinks notify.Sink, log *slog.Logger) *Reconciler {
	return &Reconciler{client: c, forges: forges, sinks: sinks, log: log, memory: newReportMemory()}
}

// Reconcile reports the releases of one stage whose newest state isn't reported.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var stage v1alpha1.Stage
	if err := r.client.Get(ctx, req.NamespacedName, &stage); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	releases, err := kube.ReleasesOf(ctx, r.client, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	pending, head := r.pending(releases), r.unreleasedOf(&stage)
	if len(pending) == 0 && head == nil {
		return ctrl.Result{}, nil
	}
	var p v1alpha1.Project
	if err := r.client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: stage.Spec.Project}, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	return r.report(ctx, &p, &stage, pending, head)
}

// report sends what is pending of a stage, and that its head has no release. When
// the forge has no client for a reason that stays, the other sinks still get it.
func (r *Reconciler) report(ctx context.Context, p *v1alpha1.Project, stage *v1alpha1.Stage, pending []pendingRelease, head *unreleased) (ctrl.Result, error) {
	organization, _ := naming.OrganizationOf(p.Namespace)
	to := notify.Destination{Organization: organization, Project: p.Name}
	host, noForge := r.forges.Client(ctx, p, p.Primary())
	if notify.Retryable(ctx, noForge) {
		return forge.RetryAfter(noForge)
	}
	if host != nil {
		if !host.Enter() {
			return ctrl.Result{RequeueAfter: forge.BusyDelay}, nil
		}
		defer host.Leave()
		to.Forge = host.Reporter
	}
	for _, one := range pending {
		err := errors.Join(r.sinks.Release(ctx, to, report.ReleaseOf(p, stage, one.release, one.latest)), noForge)
		if notify.Retryable(ctx, err) {
			return forge.RetryAfter(err)
		}
		if err := r.markReported(ctx, one.release, err); err != nil {
			return ctrl.Result{}, err
		}
	}
	if head != nil {
		err := errors.Join(r.sinks.Release(ctx, to, head.of(p, stage)), noForge)
		if notify.Retryable(ctx, err) {
			return forge.RetryAfter(err)
		}
		r.markUnreleased(stage, head, err)
	}
	return ctrl.Result{}, nil
}

// markReported records what was reported, or can't be because of an error.
func (r *Reconciler) markReported(ctx context.Context, rel *v1alpha1.Release, failed error) error {
	if failed != nil {
		r.log.Error("report", "project", rel.Spec.Project, "release", rel.Name, "commit", rel.Spec.Head.Commit, "error", failed)
	}
	after := rel.DeepCopy()
	after.Status.Reported = report.PhaseOf(rel)
	if err := kube.PatchStatus(ctx, r.client, rel, after); err != nil {
		return err
	}
	r.memory.set(rel.UID, reportedState{step: report.StepOf(report.PhaseOf(rel)), message: rel.Status.Message})
	return nil
}

// markUnreleased records that a head without a release was reported, or can't be
// because of an error.
func (r *Reconciler) markUnreleased(stage *v1alpha1.Stage, head *unreleased, failed error) {
	if failed != nil {
		r.log.Error("report", "project", stage.Spec.Project, "stage", stage.Spec.Name, "commit", stage.Spec.Wanted.Commit, "error", failed)
	}
	r.memory.set(stage.UID, reportedState{message: head.known})
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("report").
		Watches(&v1alpha1.Release{}, handler.EnqueueRequestsFromMapFunc(stageOfRelease)).
		Watches(&v1alpha1.Stage{}, handler.EnqueueRequestsFromMapFunc(unreleasedStage)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 16, RateLimiter: kube.Retries()}).
		Complete(r)
}

// stageOfRelease asks for the reports of a release's stage, if there may be
// any.
func stageOfRelease(_ context.Context, o client.Object) []reconcile.Request {
	rel, ok := o.(*v1alpha1.Release)
	if !ok || rel.Spec.Trigger.Rests() || (rel.Status.Phase != v1alpha1.PhaseHeld && report.StepOf(report.PhaseOf(rel)) == report.StepOf(rel.Status.Reported)) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: rel.Namespace, Name: rel.Spec.Stage}}}
}

// unreleasedStage asks for the report of a head that is skipped, or that came back
// for a stage which is being taken down.
func unreleasedStage(_ context.Context, o client.Object) []reconcile.Request {
	stage, ok := o.(*v1alpha1.Stage)
	if !ok || !stage.Spec.Wanted.Skip && report.Ending(stage) == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(stage)}}
}
