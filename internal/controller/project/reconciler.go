package project

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/lru"
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
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/scm"
)

const (
	// syncJitter spreads the timers of many projects.
	syncJitter = 0.2
	// previewsAgain is when a forge is asked again that did not list the pull requests.
	previewsAgain = 30 * time.Second
	// slowSync is when a sync begins to take long.
	slowSync = 20 * time.Second
)

// Sources reads the repositories of projects.
type Sources interface {
	// Heads returns the heads of the primary repository as they are, or were
	// after every waiting delivery had arrived.
	Heads(ctx context.Context, p *v1alpha1.Project, waiting []v1alpha1.Delivery) (git.Heads, error)
	// FileAt returns the project file of a commit as it applies now, and the head
	// that means this file from now on.
	FileAt(ctx context.Context, p *v1alpha1.Project, fileCommit string) (*projectfile.Document, v1alpha1.Head, error)
	// Knows reports whether a commit was ever fetched and is still kept.
	Knows(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) bool
	// FetchFork makes sure that a commit of a fork is there, to which a ref of the
	// primary repository leads.
	FetchFork(ctx context.Context, p *v1alpha1.Project, ref, commit string) error
	Policies
}

// Policies reads what project files say under what was accepted.
type Policies interface {
	// Policy returns what the primary repository's own project file of a commit says
	// of members, stages and previews, and its object id. The commit that was accepted
	// last can always be read.
	Policy(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, string, error)
	// FileOf returns the head of the project file of a pull request's commit, with the
	// members, stages and previews of an accepted file; trusted is the trusted ref's.
	FileOf(ctx context.Context, p *v1alpha1.Project, commit string, trusted v1alpha1.Head, accepted v1alpha1.AcceptedFile) (v1alpha1.Head, error)
	// Under returns a document and its head with the members, stages and previews of
	// an accepted file.
	Under(ctx context.Context, p *v1alpha1.Project, document *projectfile.Document, head v1alpha1.Head, accepted v1alpha1.AcceptedFile) (*projectfile.Document, v1alpha1.Head, error)
}

// PullRequests knows the open pull requests of projects' primary repositories.
type PullRequests interface {
	// Open returns them as they were read after the last sync began.
	// forge.ErrNothingToAsk says that the project gives nothing to ask its forge with.
	Open(ctx context.Context, p *v1alpha1.Project) ([]scm.PullRequest, error)
	// Expire has a project's read again by whoever needs them next.
	Expire(p *v1alpha1.Project)
	// Ref returns the ref of the primary repository under which the forge publishes the
	// head of a pull request. An error of code invalid says that it publishes none.
	Ref(ctx context.Context, p *v1alpha1.Project, number int64) (string, error)
	// Merged returns the pull request whose merge made a commit of a branch, nil when
	// none did or the forge does not say.
	Merged(ctx context.Context, p *v1alpha1.Project, branch, commit, file string) (*scm.Merged, error)
}

// Work is what runs for projects and waits for servers of others.
type Work interface {
	// Begin records work, named in a sentence after "waits for" or not at all, whose
	// context ends when the project's work is stopped.
	Begin(ctx context.Context, project types.NamespacedName, what string) (_ context.Context, end func())
	// Stop ends what runs for a project, with a cause.
	Stop(project types.NamespacedName, cause error)
	// UnderWay says what a project waits for; empty when for nothing.
	UnderWay(project types.NamespacedName) string
}

// Reconciler syncs projects: it reads the heads of a project's
// repositories, loads the project file from the trusted ref, and makes the
// Stage objects that the two together ask for. Deliveries only say that it is
// time to look; the heads decide. One sync runs per project at a time and
// serves every delivery that waited when it began.
type Reconciler struct {
	Client  client.Client
	Sources Sources
	Stages  *StageWriter
	// Gated says whether previews of a project are behind the gate; nil means that there
	// is none.
	Gated    func(ctx context.Context, p *v1alpha1.Project) (bool, error)
	Pulls    PullRequests
	Groups   Groups
	Work     Work
	Cleaner  *DeliveryCleaner
	Interval time.Duration // between two syncs of a project that doesn't say
	Timers   rate.Limit    // how many syncs a second only the timer may ask for
	Now      func() time.Time
	Slow     time.Duration // until a sync says what it waits for; 0 means slowSync
	Long     time.Duration // until a sync makes place for quick ones; 0 means longSync

	memory  *memory
	hosts   *hostSlots
	decided *lru.Cache // UIDs of acceptances
}

// New returns a reconciler made from its exported fields.
func New(r Reconciler) *Reconciler {
	r.Slow, r.Long = cmp.Or(r.Slow, slowSync), cmp.Or(r.Long, longSync)
	r.memory, r.hosts, r.decided = newMemory(r.Timers), newHostSlots(quickSyncs, longSyncs, syncsPerHost), lru.New(maxDecided)
	return &r
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
	if !p.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.end(ctx, &p)
	}
	if p.Spec.Suspend {
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
	asked, surplus, err := r.acceptances(ctx, &p)
	if err != nil {
		return ctrl.Result{}, err
	}
	these := requests{waiting: waiting, asked: asked, surplus: surplus}
	if !r.due(&p, these) {
		return ctrl.Result{RequeueAfter: r.next(&p)}, nil
	}
	if turn := r.turn(&p, these); turn > 0 {
		return ctrl.Result{RequeueAfter: turn}, nil
	}
	slot, free := r.hosts.enter(hostOf(p.Primary()))
	if !free {
		return ctrl.Result{RequeueAfter: wait.Jitter(forge.BusyDelay, syncJitter)}, nil
	}
	defer slot.leave()
	return r.serve(ctx, &p, these, slot)
}

// requests are what a sync serves.
type requests struct {
	waiting []v1alpha1.Delivery
	asked   []v1alpha1.Acceptance // that nobody decided yet
	surplus []v1alpha1.Acceptance // that need not be kept
}

// serve syncs a project for what waits.
func (r *Reconciler) serve(ctx context.Context, p *v1alpha1.Project, these requests, slot *hostSlot) (ctrl.Result, error) {
	name := client.ObjectKeyFromObject(p)
	if err := r.hold(ctx, p); err != nil {
		return ctrl.Result{}, err
	}
	r.memory.begin(name, len(these.waiting), r.Now())
	r.Pulls.Expire(p)
	outcome, syncErr := r.syncWatched(ctx, p, these, slot)
	if apierrors.IsConflict(syncErr) {
		return ctrl.Result{RequeueAfter: r.memory.conflicted(name)}, nil
	}
	r.memory.ended(name)
	return r.conclude(ctx, p, outcome, these, syncErr)
}

// conclude makes durable what a sync came to, and says when to look again. A
// sync that failed for a reason that may pass is due at once, as often as the
// queue allows.
func (r *Reconciler) conclude(ctx context.Context, p *v1alpha1.Project, o outcome, these requests, syncErr error) (ctrl.Result, error) {
	name := client.ObjectKeyFromObject(p)
	if err := r.record(ctx, p, o, syncErr); err != nil {
		r.memory.again(name)
		return ctrl.Result{}, err
	}
	if fault.CodeOf(syncErr) == fault.Unavailable || fault.CodeOf(syncErr) == fault.Internal {
		r.memory.again(name)
		r.shed(these.waiting)
		return ctrl.Result{}, fmt.Errorf("sync project %s: %w", name, syncErr)
	}
	if err := r.answer(ctx, p, these, o, syncErr); err != nil {
		r.memory.again(name)
		return ctrl.Result{}, err
	}
	s := r.settle(ctx, p, o.heads, these.waiting)
	s.answers = answers(p, o, syncErr)
	for _, d := range s.served {
		if stage := o.ending[d.Spec.Ref]; stage != "" && s.messages[d.Name] == "" {
			s.messages[d.Name] = fmt.Sprintf("synced; stage %s is still being taken down and comes back after that: `slipway status %s` says what remains", stage, p.Name)
		}
	}
	r.finish(s, syncErr)
	if o.previews.again {
		r.memory.again(name)
		return ctrl.Result{RequeueAfter: min(cmp.Or(s.again, previewsAgain), previewsAgain)}, nil
	}
	return ctrl.Result{RequeueAfter: cmp.Or(s.again, r.next(p))}, nil
}

// due reports whether there is anything to look for: somebody waits, the project
// changed, or the timer ran out.
func (r *Reconciler) due(p *v1alpha1.Project, these requests) bool {
	return called(p, these) || r.Now().Sub(r.memory.began(client.ObjectKeyFromObject(p))) >= r.interval(p)
}

// called reports whether there is a reason to look besides the time.
func called(p *v1alpha1.Project, these requests) bool {
	return len(these.waiting) > 0 || len(these.asked) > 0 || p.Status.ObservedGeneration != p.Generation
}

// turn returns how long a sync that is due has to wait for those of other projects.
func (r *Reconciler) turn(p *v1alpha1.Project, these requests) time.Duration {
	if called(p, these) {
		return 0
	}
	return r.memory.turn(client.ObjectKeyFromObject(p), r.Now())
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

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Project{}).
		Watches(&v1alpha1.Project{}, handler.Funcs{UpdateFunc: r.projectMoved, DeleteFunc: r.projectEnded}).
		Watches(&v1alpha1.Delivery{}, handler.EnqueueRequestsFromMapFunc(projectOfDelivery)).
		Watches(&v1alpha1.Acceptance{}, handler.EnqueueRequestsFromMapFunc(projectOfAcceptance)).
		Watches(&v1alpha1.Stage{}, handler.Funcs{UpdateFunc: r.stageMoved, DeleteFunc: r.stageEnded}).
		WithOptions(controller.Options{MaxConcurrentReconciles: parallelSyncs, RateLimiter: kube.Retries()}).
		Complete(r)
}

// projectMoved stops what runs for a project that is suspended or being deleted: a
// server that takes its time must not hold up what nobody wants any more.
func (r *Reconciler) projectMoved(_ context.Context, e event.UpdateEvent, _ workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	p, ok := e.ObjectNew.(*v1alpha1.Project)
	switch {
	case !ok:
	case !p.DeletionTimestamp.IsZero():
		r.stop(p, "is being deleted")
	case p.Spec.Suspend:
		r.stop(p, "is suspended")
	}
}

// projectEnded stops what runs for a project that is gone.
func (r *Reconciler) projectEnded(_ context.Context, e event.DeleteEvent, _ workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	if p, ok := e.Object.(*v1alpha1.Project); ok {
		r.stop(p, "was deleted")
	}
}

func (r *Reconciler) stop(p *v1alpha1.Project, why string) {
	r.Work.Stop(client.ObjectKeyFromObject(p), fault.New(fault.Unavailable, "stopped, because project %s %s", p.Name, why))
}

// stageEnded asks for a sync when a stage is gone: its branch may be there
// again, and the stage could not be made while the old one ended.
func (r *Reconciler) stageEnded(_ context.Context, e event.DeleteEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	if stage, ok := e.Object.(*v1alpha1.Stage); ok {
		r.Stages.written.forget(stage.UID)
		r.syncAgain(stage, queue)
	}
}

// stageMoved asks for a sync when somebody else wrote the head of a stage, such as
// the replica that led before: a sync may have compared with the head before it.
func (r *Reconciler) stageMoved(_ context.Context, e event.UpdateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	before, ok := e.ObjectOld.(*v1alpha1.Stage)
	after, is := e.ObjectNew.(*v1alpha1.Stage)
	if ok && is && !sameHead(before.Spec.Wanted, after.Spec.Wanted) && r.Stages.written.isForeign(after) {
		r.syncAgain(after, queue)
	}
}

// syncAgain makes a sync of a stage's project due.
func (r *Reconciler) syncAgain(stage *v1alpha1.Stage, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	name := types.NamespacedName{Namespace: stage.Namespace, Name: stage.Spec.Project}
	r.memory.again(name)
	queue.Add(reconcile.Request{NamespacedName: name})
}

// projectOfDelivery asks for a sync for a delivery that waits.
func projectOfDelivery(_ context.Context, o client.Object) []reconcile.Request {
	delivery, ok := o.(*v1alpha1.Delivery)
	if !ok || delivery.Status.Phase == v1alpha1.DeliveryDone && !delivery.Waits() {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: delivery.Namespace, Name: delivery.Spec.Project}}}
}

// behindGate reports whether previews of a project are behind the gate. Without it nobody
// asks for links, so a file that says that somebody does is not followed.
func (r *Reconciler) behindGate(ctx context.Context, p *v1alpha1.Project, file *project.File) (bool, error) {
	gated := false
	if r.Gated != nil {
		var err error
		if gated, err = r.Gated(ctx, p); err != nil {
			return false, err
		}
	}
	if !gated && file.Previews.Access == v1alpha1.AccessLink {
		return false, fault.New(fault.Conflict, "previews.access is link, and no gate asks for links in front of them: set gate.enabled of the chart, use the cluster that Slipway runs in, or say access: public")
	}
	return gated, nil
}
