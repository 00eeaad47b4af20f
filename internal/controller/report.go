package controller

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/scm"
)

// busyDelay is how long a report, or a sync, waits for others of the same
// forge.
const busyDelay = 250 * time.Millisecond

// ReportReconciler tells the forge how releases stand. It works beside the
// releases and never holds one up. It is keyed by stage, so that the reports of
// a stage are told one after the other, and each tells the newest state: what
// happened meanwhile is skipped. What the forge was told is kept in the
// release's status, so that a restart repeats at most the last report.
type ReportReconciler struct {
	Client client.Client
	Forges *Forges
	Log    *slog.Logger

	memory reportMemory
}

// reportMemory keeps what was last told of releases, which the watch cache may
// not show yet, and their deployments' ids. All can be lost: the release's
// status says the step, and the id is found again.
type reportMemory struct {
	mu    sync.Mutex
	known map[types.UID]reported
}

type reported struct {
	step       step
	said       string
	deployment string
}

// maxReported bounds the memory of reports.
const maxReported = 8192

func (m *reportMemory) get(id types.UID) reported {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[id]
}

func (m *reportMemory) set(id types.UID, known reported) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxReported {
		m.known = map[types.UID]reported{}
	}
	m.known[id] = known
}

// Reconcile reports the releases of one stage whose newest state isn't told.
func (r *ReportReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, req.NamespacedName, &stage); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	releases, err := releasesOf(ctx, r.Client, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	untold, skip := r.untold(releases), r.skipNews(&stage)
	if len(untold) == 0 && !skip {
		return ctrl.Result{}, nil
	}
	var p v1alpha1.Project
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: stage.Spec.Project}, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	forge, err := r.Forges.client(ctx, &p, p.Primary())
	if err == nil && forge != nil {
		if !forge.enter() {
			return ctrl.Result{RequeueAfter: busyDelay}, nil
		}
		defer forge.leave()
	}
	for _, one := range untold {
		failed := err
		if err == nil && forge != nil {
			failed = r.report(ctx, forge, reportOf(&p, &stage, one))
		}
		if again(ctx, failed) {
			return later(failed)
		}
		if err := r.told(ctx, one.release, failed); err != nil {
			return ctrl.Result{}, err
		}
	}
	if skip && err == nil && forge != nil {
		return later(r.reportSkip(ctx, forge, &p, &stage))
	}
	return ctrl.Result{}, nil
}

// again reports whether an error is worth another try.
func again(ctx context.Context, err error) bool {
	return fault.CodeOf(err) == fault.Unavailable || (err != nil && ctx.Err() != nil)
}

// later says when to try again: when the forge says, else at the queue's pace.
func later(err error) (ctrl.Result, error) {
	if wait, limited := scm.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return ctrl.Result{}, err
}

// skipNews reports whether the forge wasn't told yet that the stage's head is
// skipped.
func (r *ReportReconciler) skipNews(stage *v1alpha1.Stage) bool {
	return skipped(stage) != "" && r.memory.get(stage.UID).said != stage.Spec.Wanted.Commit
}

// reportSkip says on the commit why nothing happens.
func (r *ReportReconciler) reportSkip(ctx context.Context, forge *forgeClient, p *v1alpha1.Project, stage *v1alpha1.Stage) error {
	commit := stage.Spec.Wanted.Commit
	err := forge.SetStatus(ctx, scm.Status{
		Repository: p.Primary().Path, Commit: commit, Context: scm.Context(stage.Spec.Name),
		State: scm.StateSuccess, Description: "skipped: " + skipped(stage),
	})
	if again(ctx, err) {
		return err
	}
	if err != nil {
		r.Log.Error("report", "project", p.Name, "stage", stage.Spec.Name, "commit", commit, "error", err)
	}
	r.memory.set(stage.UID, reported{said: commit})
	return nil
}

// untoldRelease is a release to be told of. Status is false when a newer one
// of the same commit has the word under the stage's name.
type untoldRelease struct {
	release *v1alpha1.Release
	status  bool
}

// untold returns the releases whose step the forge doesn't know, oldest first,
// so that the newest is told last.
func (r *ReportReconciler) untold(releases []v1alpha1.Release) []untoldRelease {
	newer := map[string]bool{} // commits of newer releases
	var untold []untoldRelease
	for i := range releases { // newest first
		rel := &releases[i]
		if release.IsRefused(rel) {
			continue
		}
		if r.news(rel) {
			untold = append([]untoldRelease{{release: rel, status: !newer[rel.Spec.Head.Commit]}}, untold...)
		}
		newer[rel.Spec.Head.Commit] = true
	}
	return untold
}

// news reports whether a release has something to tell: another step than the
// one last told, or another reason why it is held.
func (r *ReportReconciler) news(rel *v1alpha1.Release) bool {
	now, known := stepOf(phaseOf(rel)), r.memory.get(rel.UID)
	if now == stepHeld && known.step == "" && stepOf(rel.Status.Reported) == now {
		known.step, known.said = now, rel.Status.Message // as an earlier server told it
		r.memory.set(rel.UID, known)
	}
	if now == stepHeld && known.step == now {
		return known.said != rel.Status.Message
	}
	return now != "" && now != known.step && now != stepOf(rel.Status.Reported)
}

// told notes what the forge was told, or can't be told because of an error.
func (r *ReportReconciler) told(ctx context.Context, rel *v1alpha1.Release, failed error) error {
	if failed != nil {
		r.Log.Error("report", "project", rel.Spec.Project, "release", rel.Name, "commit", rel.Spec.Head.Commit, "error", failed)
	}
	after := rel.DeepCopy()
	after.Status.Reported = phaseOf(rel)
	if err := kube.PatchStatus(ctx, r.Client, rel, after); err != nil {
		return err
	}
	known := r.memory.get(rel.UID)
	known.step, known.said = stepOf(phaseOf(rel)), rel.Status.Message
	r.memory.set(rel.UID, known)
	return nil
}

// report sets the commit's status, and the deployment where the forge has
// such a thing.
func (r *ReportReconciler) report(ctx context.Context, forge *forgeClient, told report) error {
	if told.status != nil {
		if err := forge.SetStatus(ctx, *told.status); err != nil {
			return fmt.Errorf("set status of %.8s at %s: %w", told.status.Commit, told.status.Repository, err)
		}
	}
	deployer, deploys := forge.Reporter.(scm.Deployer)
	if told.deployment == nil || !deploys {
		return nil
	}
	known := r.memory.get(told.id)
	told.deployment.ID = known.deployment
	id, err := deployer.SetDeployment(ctx, *told.deployment)
	if err != nil {
		return fmt.Errorf("set deployment of %.8s at %s: %w", told.deployment.Commit, told.deployment.Repository, err)
	}
	known.deployment = id
	r.memory.set(told.id, known)
	return nil
}

// SetupWithManager registers the reconciler.
func (r *ReportReconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("report").
		Watches(&v1alpha1.Release{}, handler.EnqueueRequestsFromMapFunc(stageToTell)).
		Watches(&v1alpha1.Stage{}, handler.EnqueueRequestsFromMapFunc(skippedStage)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 16, RateLimiter: kube.Retries()}).
		Complete(r)
}

// stageToTell asks for the reports of a release's stage, if there may be
// any.
func stageToTell(_ context.Context, o client.Object) []reconcile.Request {
	rel, ok := o.(*v1alpha1.Release)
	if !ok || (rel.Status.Phase != v1alpha1.PhaseHeld && stepOf(phaseOf(rel)) == stepOf(rel.Status.Reported)) {
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
