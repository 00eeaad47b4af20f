package project

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/repository"
)

// syncJitter spreads the timers of many projects.
const syncJitter = 0.2

// Reconciler syncs projects: it reads the heads of a project's
// repositories, loads the project file from the trusted ref, and makes the
// Stage objects that the two together ask for. Deliveries only say that it is
// time to look; the heads decide. One sync runs per project at a time and
// serves every delivery that waited when it began.
type Reconciler struct {
	Client     client.Client
	Sources    *repository.Sources
	FastPath   FastPath
	Prefetcher Prefetcher
	Pulls      PullRequests
	Cleaner    *DeliveryCleaner
	Interval   time.Duration
	Parallel   int // syncs at the same time, half of them from one git server
	Now        func() time.Time
	Log        *slog.Logger

	memory syncMemory
	hosts  hostSlots
}

// What syncs cost a project, of syncBurst at most and syncRate a second: one
// each, and one for every delivery that they serve, up to syncCost. Some pushes
// a second are synced at once each, a flood of deliveries every two seconds, which
// costs the others little.
const (
	syncRate  = 10
	syncBurst = 20
	syncCost  = 20
)

// syncMemory remembers of each project when it was last synced, so that a sync
// that finds nothing new writes nothing, and the status last written, which
// the watch cache may not show yet. It is empty after a start: every project
// is synced then.
type syncMemory struct {
	mu        sync.Mutex
	last      map[types.NamespacedName]time.Time
	status    map[types.NamespacedName]v1alpha1.ProjectStatus
	conflicts map[types.NamespacedName]int
	paces     map[types.NamespacedName]*rate.Limiter
}

func (m *syncMemory) begin(name types.NamespacedName, waiting int, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil {
		m.last, m.status = map[types.NamespacedName]time.Time{}, map[types.NamespacedName]v1alpha1.ProjectStatus{}
		m.conflicts = map[types.NamespacedName]int{}
	}
	m.last[name] = at
	if m.paces == nil {
		m.paces = map[types.NamespacedName]*rate.Limiter{}
	}
	if m.paces[name] == nil {
		m.paces[name] = rate.NewLimiter(syncRate, syncBurst)
	}
	m.paces[name].ReserveN(at, min(1+waiting, syncCost))
}

func (m *syncMemory) began(name types.NamespacedName) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last[name]
}

func (m *syncMemory) wrote(name types.NamespacedName, status v1alpha1.ProjectStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status[name] = *status.DeepCopy()
}

// current returns the project with the status last written, whatever the
// cache says: nobody else writes it.
func (m *syncMemory) current(p *v1alpha1.Project) *v1alpha1.Project {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := p.DeepCopy()
	if status, found := m.status[client.ObjectKeyFromObject(p)]; found {
		known.Status = *status.DeepCopy()
	}
	return known
}

// pause returns how long a project that was synced too often must not be, 0
// when it may.
func (m *syncMemory) pause(name types.NamespacedName, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.paces[name] == nil {
		return 0
	}
	missing := max(1-m.paces[name].TokensAt(now), 0)
	return time.Duration(missing / syncRate * float64(time.Second))
}

// again makes the next sync due, whenever the last one was.
func (m *syncMemory) again(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, name)
}

// conflicted makes the next sync due and returns when it is worth a try.
func (m *syncMemory) conflicted(name types.NamespacedName) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, name)
	m.conflicts[name]++
	return min(kube.ConflictDelay<<min(m.conflicts[name]-1, 16), kube.RetryMax)
}

// ended notes that a sync met no conflict.
func (m *syncMemory) ended(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.conflicts, name)
}

func (m *syncMemory) forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.last, name)
	delete(m.status, name)
	delete(m.conflicts, name)
	delete(m.paces, name)
}

// Reconcile syncs one project.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var p v1alpha1.Project
	if err := r.Client.Get(ctx, req.NamespacedName, &p); err != nil {
		if apierrors.IsNotFound(err) {
			r.memory.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() || p.Spec.Suspend {
		return ctrl.Result{}, nil
	}
	if pause := r.memory.pause(req.NamespacedName, r.Now()); pause > 0 {
		return ctrl.Result{RequeueAfter: pause}, nil
	}
	waiting, done, err := r.deliveries(ctx, &p)
	if err != nil {
		return ctrl.Result{}, err
	}
	r.forget(done)
	if !r.due(&p, waiting) {
		return ctrl.Result{RequeueAfter: r.next(&p)}, nil
	}
	host := hostOf(p.Primary())
	if !r.hosts.enter(host, r.Parallel/2) {
		return ctrl.Result{RequeueAfter: wait.Jitter(forge.BusyDelay, syncJitter)}, nil
	}
	defer r.hosts.leave(host)
	return r.serve(ctx, &p, waiting)
}

// serve syncs a project for the deliveries that wait.
func (r *Reconciler) serve(ctx context.Context, p *v1alpha1.Project, waiting []v1alpha1.Delivery) (ctrl.Result, error) {
	name := client.ObjectKeyFromObject(p)
	r.memory.begin(name, len(waiting), r.Now())
	r.Pulls.Expire(p)
	outcome, syncErr := r.sync(ctx, p, waiting)
	if apierrors.IsConflict(syncErr) {
		return ctrl.Result{RequeueAfter: r.memory.conflicted(name)}, nil
	}
	r.memory.ended(name)
	return r.conclude(ctx, p, outcome, waiting, syncErr)
}

// conclude makes durable what a sync came to, and says when to look again. A
// sync that failed for a reason that may pass is due at once, as often as the
// queue allows.
func (r *Reconciler) conclude(ctx context.Context, p *v1alpha1.Project, o outcome, waiting []v1alpha1.Delivery, syncErr error) (ctrl.Result, error) {
	name := client.ObjectKeyFromObject(p)
	if err := r.record(ctx, p, o, syncErr); err != nil {
		r.memory.again(name)
		return ctrl.Result{}, err
	}
	if fault.CodeOf(syncErr) == fault.Unavailable || fault.CodeOf(syncErr) == fault.Internal {
		r.memory.again(name)
		r.shed(waiting)
		return ctrl.Result{}, fmt.Errorf("sync project %s: %w", name, syncErr)
	}
	s := r.settle(ctx, p, o.heads, waiting)
	r.finish(s, syncErr)
	return ctrl.Result{RequeueAfter: cmp.Or(s.again, r.next(p))}, nil
}

// due reports whether there is anything to look for: a delivery waits, the
// project changed, or the timer ran out.
func (r *Reconciler) due(p *v1alpha1.Project, waiting []v1alpha1.Delivery) bool {
	if len(waiting) > 0 || p.Status.ObservedGeneration != p.Generation {
		return true
	}
	return r.Now().Sub(r.memory.began(client.ObjectKeyFromObject(p))) >= r.interval(p)
}

// next returns the time until the project's refs are read again.
func (r *Reconciler) next(p *v1alpha1.Project) time.Duration {
	return wait.Jitter(r.interval(p), syncJitter)
}

func (r *Reconciler) interval(p *v1alpha1.Project) time.Duration {
	if p.Spec.SyncInterval != nil && p.Spec.SyncInterval.Duration > 0 {
		return p.Spec.SyncInterval.Duration
	}
	return r.Interval
}

// outcome is what a sync found.
type outcome struct {
	heads      git.Heads
	fileCommit string
	stages     int
}

// sync brings the project's Stage objects to what its refs ask for.
func (r *Reconciler) sync(ctx context.Context, p *v1alpha1.Project, waiting []v1alpha1.Delivery) (outcome, error) {
	heads, err := r.heads(ctx, p, waiting)
	if err != nil {
		return outcome{}, err
	}
	trusted := p.Spec.TrustedRef
	if trusted == "" {
		trusted = heads.Default
	}
	fileCommit, found := heads.Refs[trusted]
	if !found {
		return outcome{heads: heads}, fault.New(fault.NotFound, "repository %s has no ref %s to read the project file from; push it, or set the Project's spec.trustedRef", p.Primary().Path, trusted)
	}
	document, force, err := r.Sources.FileAt(ctx, p, fileCommit)
	if err != nil {
		return outcome{heads: heads, fileCommit: fileCommit}, err
	}
	wanted := wantedStages(p, document.File, heads, hints{force: force, deliveries: waiting})
	err = r.bring(ctx, p, wanted)
	return outcome{heads: heads, fileCommit: fileCommit, stages: len(wanted)}, err
}

// heads returns the heads as they are, or were after the deliveries came.
func (r *Reconciler) heads(ctx context.Context, p *v1alpha1.Project, waiting []v1alpha1.Delivery) (git.Heads, error) {
	if heads, read := r.Prefetcher.Take(ctx, client.ObjectKeyFromObject(p), waiting); read {
		return heads, nil
	}
	return r.Sources.Heads(ctx, p, p.Primary())
}

// record writes what a sync found to the project's status.
func (r *Reconciler) record(ctx context.Context, p *v1alpha1.Project, o outcome, err error) error {
	before := r.memory.current(p)
	after := before.DeepCopy()
	condition := metav1.Condition{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionTrue, Reason: "Synced", Message: "every ref is where the forge says"}
	if err != nil {
		condition.Status, condition.Reason, condition.Message = metav1.ConditionFalse, reasonOf(err), kube.Sentence(err)
	} else {
		after.Status.Stages = int32(min(o.stages, maxStages)) //nolint:gosec // bounded on this line
	}
	if o.fileCommit != "" {
		after.Status.FileCommit = o.fileCommit
	}
	after.Status.ObservedGeneration = p.Generation
	kube.SetCondition(&after.Status.Conditions, condition, p.Generation)
	if !apiequality.Semantic.DeepEqual(before.Status, after.Status) {
		after.Status.LastChange = &metav1.Time{Time: r.Now()}
	}
	if err := kube.PatchStatus(ctx, r.Client, before, after); err != nil {
		return err
	}
	r.memory.wrote(client.ObjectKeyFromObject(p), after.Status)
	return nil
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Project{}).
		Watches(&v1alpha1.Delivery{}, handler.EnqueueRequestsFromMapFunc(projectOfDelivery)).
		Watches(&v1alpha1.Stage{}, handler.Funcs{DeleteFunc: r.stageEnded}).
		WithOptions(controller.Options{MaxConcurrentReconciles: r.Parallel, RateLimiter: kube.Retries()}).
		Complete(r)
}

// stageEnded asks for a sync when a stage is gone: its branch may be there
// again, and the stage could not be made while the old one ended.
func (r *Reconciler) stageEnded(_ context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	if stage, ok := e.Object.(*v1alpha1.Stage); ok {
		name := types.NamespacedName{Namespace: stage.Namespace, Name: stage.Spec.Project}
		r.memory.again(name)
		queue.Add(reconcile.Request{NamespacedName: name})
	}
}

// projectOfDelivery asks for a sync for a delivery that waits.
func projectOfDelivery(_ context.Context, o client.Object) []reconcile.Request {
	delivery, ok := o.(*v1alpha1.Delivery)
	if !ok || delivery.Status.Phase == v1alpha1.DeliveryDone && !delivery.Waits() {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: delivery.Namespace, Name: delivery.Spec.Project}}}
}

// reasonOf names an error as the reason of a condition: one of the project file
// is the user's.
func reasonOf(err error) string {
	var problems projectfile.Problems
	if errors.As(err, &problems) {
		return "ProjectFileInvalid"
	}
	return kube.ReasonOf(err)
}
