package report

import (
	"context"
	"fmt"
	"log/slog"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Reconciler tells the forge how releases stand. It works beside the
// releases and never holds one up. It is keyed by stage, so that the reports of
// a stage are told one after the other, and each tells the newest state: what
// happened meanwhile is skipped. What the forge was told is kept in the
// release's status, so that a restart repeats at most the last report.
type Reconciler struct {
	client client.Client
	forges *forge.Forges
	log    *slog.Logger

	memory reportMemory
}

// reportMemory keeps what was last told of releases, which the watch cache may
// not show yet, and their deployments' ids. All can be lost: the release's
// status says the step, and the id is found again.
type reportMemory struct{ known *lru.Cache } // types.UID → reportedState

type reportedState struct {
	step       report.Step
	message    string
	deployment string
}

// maxReported bounds the memory of reports.
const maxReported = 8192

func newReportMemory() reportMemory { return reportMemory{lru.New(maxReported)} }

func (m reportMemory) get(id types.UID) reportedState {
	known, _ := m.known.Get(id)
	state, _ := known.(reportedState)
	return state
}

func (m reportMemory) set(id types.UID, known reportedState) { m.known.Add(id, known) }

// New returns a reconciler that reports to the forges of projects.
func New(c client.Client, forges *forge.Forges, log *slog.Logger) *Reconciler {
	return &Reconciler{client: c, forges: forges, log: log, memory: newReportMemory()}
}

// Reconcile reports the releases of one stage whose newest state isn't told.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var stage v1alpha1.Stage
	if err := r.client.Get(ctx, req.NamespacedName, &stage); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	releases, err := kube.ReleasesOf(ctx, r.client, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	waiting, skip := r.pending(releases), r.skipChanged(&stage)
	if len(waiting) == 0 && !skip {
		return ctrl.Result{}, nil
	}
	var p v1alpha1.Project
	if err := r.client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: stage.Spec.Project}, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	host, err := r.forges.Client(ctx, &p, p.Primary())
	if err == nil && host != nil {
		if !host.Enter() {
			return ctrl.Result{RequeueAfter: forge.BusyDelay}, nil
		}
		defer host.Leave()
	}
	for _, one := range waiting {
		failed := err
		if err == nil && host != nil {
			failed = r.report(ctx, host, report.Of(&p, &stage, one))
		}
		if retryable(ctx, failed) {
			return retryAfter(failed)
		}
		if err := r.markReported(ctx, one.Release, failed); err != nil {
			return ctrl.Result{}, err
		}
	}
	if skip && err == nil && host != nil {
		return retryAfter(r.reportSkip(ctx, host, &p, &stage))
	}
	return ctrl.Result{}, nil
}

// retryable reports whether an error is worth another try.
func retryable(ctx context.Context, err error) bool {
	return fault.CodeOf(err) == fault.Unavailable || (err != nil && ctx.Err() != nil)
}

// retryAfter says when to try again: when the forge says, else at the queue's pace.
func retryAfter(err error) (ctrl.Result, error) {
	if wait, limited := scm.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return ctrl.Result{}, err
}

// skipChanged reports whether the forge wasn't told yet that the stage's head is
// skipped.
func (r *Reconciler) skipChanged(stage *v1alpha1.Stage) bool {
	return report.Skipped(stage) != "" && r.memory.get(stage.UID).message != stage.Spec.Wanted.Commit
}

// reportSkip says on the commit why nothing happens.
func (r *Reconciler) reportSkip(ctx context.Context, host *forge.Client, p *v1alpha1.Project, stage *v1alpha1.Stage) error {
	commit := stage.Spec.Wanted.Commit
	err := host.SetStatus(ctx, scm.Status{
		Repository: p.Primary().Path, Commit: commit, Context: scm.Context(stage.Spec.Name),
		State: scm.StateSuccess, Description: "skipped: " + report.Skipped(stage),
	})
	if retryable(ctx, err) {
		return err
	}
	if err != nil {
		r.log.Error("report", "project", p.Name, "stage", stage.Spec.Name, "commit", commit, "error", err)
	}
	r.memory.set(stage.UID, reportedState{message: commit})
	return nil
}

// pending returns the releases whose step the forge doesn't know, oldest first,
// so that the newest is told last.
func (r *Reconciler) pending(releases []v1alpha1.Release) []report.PendingRelease {
	newer := map[string]bool{} // commits of newer releases
	var waiting []report.PendingRelease
	for i := range releases { // newest first
		rel := &releases[i]
		if release.IsRefused(rel) {
			continue
		}
		if r.changed(rel) {
			waiting = append([]report.PendingRelease{{Release: rel, Status: !newer[rel.Spec.Head.Commit]}}, waiting...)
		}
		newer[rel.Spec.Head.Commit] = true
	}
	return waiting
}

// changed reports whether a release has something to tell: another step than the
// one last told, or another reason why it is held.
func (r *Reconciler) changed(rel *v1alpha1.Release) bool {
	now, known := report.StepOf(report.PhaseOf(rel)), r.memory.get(rel.UID)
	if now == report.StepHeld && known.step == "" && report.StepOf(rel.Status.Reported) == now {
		known.step, known.message = now, rel.Status.Message // as an earlier server told it
		r.memory.set(rel.UID, known)
	}
	if now == report.StepHeld && known.step == now {
		return known.message != rel.Status.Message
	}
	return now != "" && now != known.step && now != report.StepOf(rel.Status.Reported)
}

// markReported notes what the forge was told, or can't be told because of an error.
func (r *Reconciler) markReported(ctx context.Context, rel *v1alpha1.Release, failed error) error {
	if failed != nil {
		r.log.Error("report", "project", rel.Spec.Project, "release", rel.Name, "commit", rel.Spec.Head.Commit, "error", failed)
	}
	after := rel.DeepCopy()
	after.Status.Reported = report.PhaseOf(rel)
	if err := kube.PatchStatus(ctx, r.client, rel, after); err != nil {
		return err
	}
	known := r.memory.get(rel.UID)
	known.step, known.message = report.StepOf(report.PhaseOf(rel)), rel.Status.Message
	r.memory.set(rel.UID, known)
	return nil
}

// report sets the commit's status, and the deployment where the forge has
// such a thing.
func (r *Reconciler) report(ctx context.Context, host *forge.Client, told report.Report) error {
	if told.Status != nil {
		if err := host.SetStatus(ctx, *told.Status); err != nil {
			return fmt.Errorf("set status of %.8s at %s: %w", told.Status.Commit, told.Status.Repository, err)
		}
	}
	deployer, deploys := host.Reporter.(scm.Deployer)
	if told.Deployment == nil || !deploys {
		return nil
	}
	known := r.memory.get(told.ID)
	told.Deployment.ID = known.deployment
	id, err := deployer.SetDeployment(ctx, *told.Deployment)
	if err != nil {
		return fmt.Errorf("set deployment of %.8s at %s: %w", told.Deployment.Commit, told.Deployment.Repository, err)
	}
	known.deployment = id
	r.memory.set(told.ID, known)
	return nil
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("report").
		Watches(&v1alpha1.Release{}, handler.EnqueueRequestsFromMapFunc(stageOfRelease)).
		Watches(&v1alpha1.Stage{}, handler.EnqueueRequestsFromMapFunc(skippedStage)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 16, RateLimiter: kube.Retries()}).
		Complete(r)
}

// stageOfRelease asks for the reports of a release's stage, if there may be
// any.
func stageOfRelease(_ context.Context, o client.Object) []reconcile.Request {
	rel, ok := o.(*v1alpha1.Release)
	if !ok || (rel.Status.Phase != v1alpha1.PhaseHeld && report.StepOf(report.PhaseOf(rel)) == report.StepOf(rel.Status.Reported)) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: rel.Namespace, Name: rel.Spec.Stage}}}
}

// skippedStage asks for the report of a head that is skipped.
func skippedStage(_ context.Context, o client.Object) []reconcile.Request {
	stage, ok := o.(*v1alpha1.Stage)
	if !ok || !stage.Spec.Wanted.Skip {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(stage)}}
}
