package unchanged

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/report"
)

// settleTime is how long nothing changes before a project's reports are sent: the
// stages of a push are written one after the other.
const settleTime = 2 * time.Second

// Forges has the clients of projects' forges.
type Forges interface {
	// Client returns nil when the project has no credentials for the forge.
	Client(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (*forge.Client, error)
}

// Sources reads project files.
type Sources interface {
	// File returns the project file of a head, and its id.
	File(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error)
}

// Reconciler reports the commits that change nothing at stages. It is keyed by
// project and waits until all stages of a push are known, so that one report speaks
// for all of them. A fingerprint of what was reported is kept in the project's
// status, so that a restart repeats nothing but what was cut short.
type Reconciler struct {
	client  client.Client
	forges  Forges
	sources Sources
	sinks   notify.Sink
	log     *slog.Logger

	memory memory
}

// New returns a reconciler that reports to sinks.
func New(c client.Client, forges Forges, sources Sources, sinks notify.Sink, log *slog.Logger) *Reconciler {
	return &Reconciler{client: c, forges: forges, sources: sources, sinks: sinks, log: log, memory: newMemory()}
}

// Reconcile reports what isn't reported yet of one project, once it stayed the same
// for a while.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var p v1alpha1.Project
	if err := r.client.Get(ctx, req.NamespacedName, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() || p.Spec.Suspend {
		return ctrl.Result{}, nil
	}
	reports, err := r.reports(ctx, &p)
	if err != nil {
		return ctrl.Result{}, err
	}
	known, now := r.memory.of(&p), factsOf(reports)
	fingerprint := now.fingerprint()
	switch {
	case fingerprint == known.status:
		known.facts, known.seen = now, fingerprint
		return ctrl.Result{}, nil
	case fingerprint != known.seen:
		known.seen = fingerprint
		return ctrl.Result{RequeueAfter: settleTime}, nil
	}
	if result, err := r.send(ctx, &p, known, reports); err != nil || !result.IsZero() {
		return result, err
	}
	known.facts = now
	return ctrl.Result{}, r.record(ctx, &p, known, fingerprint)
}

// reports returns what there is to report of a project's stages. What it lists is
// the watch cache's own and is not changed.
func (r *Reconciler) reports(ctx context.Context, p *v1alpha1.Project) ([]report.Unchanged, error) {
	var stages v1alpha1.StageList
	if err := r.client.List(ctx, &stages, client.InNamespace(p.Namespace), client.MatchingFields{kube.StagesByProject: p.Name}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list stages: %w", err)
	}
	if !slices.ContainsFunc(stages.Items, func(s v1alpha1.Stage) bool { return s.Status.Head != nil }) {
		return nil, nil
	}
	own, err := r.ownReports(ctx, p)
	if err != nil {
		return nil, err
	}
	return report.UnchangedOf(p, stages.Items, own), nil
}

// ownReports returns which stages report on their own, as the project says:
// by default those whose status a forge may require before it merges.
func (r *Reconciler) ownReports(ctx context.Context, p *v1alpha1.Project) (func(*v1alpha1.Stage) bool, error) {
	if p.Spec.Reports != "" || p.Status.File == nil {
		return func(*v1alpha1.Stage) bool { return p.Spec.Reports == v1alpha1.ReportsAll }, nil
	}
	document, _, err := r.sources.File(ctx, p, p.Status.File.Head())
	if err != nil {
		return nil, fmt.Errorf("read the project file in force: %w", err)
	}
	protected := map[string]bool{} // by rule
	for _, rule := range document.File.Stages {
		protected[rule.Name] = rule.Protected
	}
	return func(stage *v1alpha1.Stage) bool { return protected[stage.Spec.Rule] && !stage.IsPreview() }, nil
}

// send sends the reports of anything new. When the forge has no client for a
// reason that stays, the other sinks still get them.
func (r *Reconciler) send(ctx context.Context, p *v1alpha1.Project, known *reported, reports []report.Unchanged) (ctrl.Result, error) {
	reports = slices.DeleteFunc(reports, known.facts.has)
	if len(reports) == 0 {
		return ctrl.Result{}, nil
	}
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
	if known.facts == nil {
		known.facts = facts{}
	}
	for _, one := range reports {
		err := errors.Join(r.sinks.Unchanged(ctx, to, one), noForge)
		if notify.Retryable(ctx, err) {
			return forge.RetryAfter(err)
		}
		if err != nil {
			r.log.Error("report an unchanged commit", "project", p.Name, "stage", one.Stage, "commit", one.Commit, "error", err)
		}
		known.facts.add(one)
	}
	return ctrl.Result{}, nil
}

// record keeps in the project's status what was reported.
func (r *Reconciler) record(ctx context.Context, p *v1alpha1.Project, known *reported, fingerprint string) error {
	before := p.DeepCopy()
	before.Status.Reported = known.status
	after := p.DeepCopy()
	after.Status.Reported = fingerprint
	if err := kube.PatchStatus(ctx, r.client, before, after); err != nil {
		return err
	}
	known.status = fingerprint
	return nil
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("unchanged").
		Watches(&v1alpha1.Stage{}, settled(projectOfStage)).
		Watches(&v1alpha1.Project{}, settled(client.Object.GetName)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, RateLimiter: kube.Retries()}).
		Complete(r)
}

// settled asks for a look at the project that an object belongs to, a while later
// and once for all that changes until then; an empty name is none.
func settled(projectOf func(client.Object) string) handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	add := func(o client.Object, q queue) {
		if name := projectOf(o); name != "" {
			q.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}, settleTime)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { add(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) { add(e.ObjectNew, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { add(e.Object, q) },
	}
}

// projectOfStage returns the project of a stage that has a head which changed
// nothing there.
func projectOfStage(o client.Object) string {
	if stage, ok := o.(*v1alpha1.Stage); ok && stage.Status.Head != nil {
		return stage.Spec.Project
	}
	return ""
}
