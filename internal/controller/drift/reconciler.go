package drift

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/apply"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
)

const (
	// driftPause gathers what happens to a stage at the same moment.
	driftPause = 100 * time.Millisecond
	// driftBusy is how long a stage that a release works on is left alone.
	driftBusy = time.Second
	// driftSweep is how often a stage is looked at although nothing was heard of
	// it. With everything watched it takes no request.
	driftSweep = 10 * time.Minute
	// driftBlind is how long to wait for the watches to be complete; after that
	// the cluster is asked about every object.
	driftBlind = time.Minute
	// driftLost is how often it is looked whether a lost namespace is back.
	driftLost = 10 * time.Second
)

// Target is a stage's place on its cluster.
type Target interface {
	// Watched reports whether changes by others are noticed.
	Watched() bool
	// TryTurn keeps everybody else from writing to the stage until done is
	// called, unless somebody writes now.
	TryTurn() (done func(), free bool)
	// Drift returns what others changed or deleted since the stage was applied. A
	// *release.Failure says why nothing can be live there: the namespace is lost.
	Drift(ctx context.Context) ([]inventory.Drift, error)
	// Repair brings back what stands in one of the manifests, except what leave
	// names.
	Repair(ctx context.Context, manifests [][]byte, leave []inventory.Key) (apply.Report, error)
	// Bundle returns the manifests of one of the stage's releases.
	Bundle(ctx context.Context, name, digest string) ([]byte, error)
}

// Reconciler brings objects that others changed or deleted back to what
// was last applied, and reports who did it. It leaves a stage alone while a
// release works on it, when it goes, and while its project is suspended; that
// a stage is paused stops releases, not this.
type Reconciler struct {
	Client  client.Client
	Queue   *queue.Queue
	Targets func(ctx context.Context, stage *v1alpha1.Stage) (Target, error)
	Events  events.EventRecorder
	Now     func() time.Time
	Log     *slog.Logger

	contention *ContentionTracker
	began      time.Time

	mu     sync.Mutex
	queue  workqueue.TypedRateLimitingInterface[ctrl.Request] // nil before the start
	stages map[string]types.NamespacedName                    // by the stage's namespace
}

// Changed asks for a look at the stage that an object belongs to. It does not
// block.
func (r *Reconciler) Changed(drift inventory.Drift) {
	r.mu.Lock()
	stage, known := r.stages[cmp.Or(drift.Ref.Namespace, drift.Ref.Name)] // the name of a namespace
	queue := r.queue
	r.mu.Unlock()
	if known && queue != nil { // others are looked at once anyway
		queue.AddAfter(ctrl.Request{NamespacedName: stage}, driftPause)
	}
}

// Reconcile looks at one stage.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, req.NamespacedName, &stage); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !stage.DeletionTimestamp.IsZero() {
		r.forget(stage.Spec.Namespace)
		return ctrl.Result{}, nil
	}
	r.know(&stage)
	if stage.Status.Release == "" {
		return ctrl.Result{}, nil
	}
	if r.Queue.Running(req.NamespacedName) != 0 {
		return ctrl.Result{RequeueAfter: driftBusy}, nil
	}
	var p v1alpha1.Project
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: stage.Namespace, Name: stage.Spec.Project}, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if p.Spec.Suspend {
		return ctrl.Result{RequeueAfter: driftSweep}, nil
	}
	target, err := r.Targets(ctx, &stage)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !target.Watched() && r.Now().Sub(r.began) < driftBlind {
		return ctrl.Result{RequeueAfter: driftBusy}, nil
	}
	again, err := r.look(ctx, &stage, target)
	return ctrl.Result{RequeueAfter: again}, err
}

func (r *Reconciler) know(stage *v1alpha1.Stage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stages[stage.Spec.Namespace] = client.ObjectKeyFromObject(stage)
}

func (r *Reconciler) forget(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.stages, namespace)
}

// look finds what differs in a stage, repairs it and reports it. It returns when to
// look again.
func (r *Reconciler) look(ctx context.Context, stage *v1alpha1.Stage, target Target) (again time.Duration, err error) {
	done, free := target.TryTurn()
	if !free {
		return driftBusy, nil
	}
	defer done()
	key := client.ObjectKeyFromObject(stage)
	if r.Queue.Running(key) != 0 { // it began meanwhile
		return driftBusy, nil
	}
	drifts, err := target.Drift(ctx)
	var lost *release.Failure
	if errors.As(err, &lost) {
		return driftLost, r.showNamespace(ctx, stage, lost.Message)
	}
	if err != nil {
		return 0, err
	}
	if err := r.showNamespace(ctx, stage, ""); err != nil {
		return 0, err
	}
	if len(drifts) == 0 {
		return driftSweep, r.clear(ctx, stage)
	}
	found := r.allow(drifts)
	if len(found.repairable) > 0 {
		manifests, err := r.manifests(ctx, stage, target)
		if err != nil {
			return 0, err
		}
		found.report, found.problem = target.Repair(ctx, manifests, found.leave)
	}
	return found.again, r.report(ctx, stage, found)
}

// findings are the drifts of one look and what was done about them.
type findings struct {
	repairable []inventory.Drift
	contended  []inventory.Drift
	leave      []inventory.Key
	again      time.Duration
	report     apply.Report
	problem    error
}

// allow finds the drifts that may be repaired now from those that somebody keeps
// making.
func (r *Reconciler) allow(drifts []inventory.Drift) findings {
	found := findings{again: driftSweep}
	for _, drift := range drifts {
		verdict := r.contention.Allow(drift, r.Now())
		if verdict.Contended {
			found.contended = append(found.contended, drift)
		}
		if verdict.Repair {
			found.repairable = append(found.repairable, drift)
			continue
		}
		found.leave = append(found.leave, drift.Ref.Key())
		found.again = min(found.again, verdict.Wait)
	}
	return found
}

// manifests returns the bundles that may hold what was last applied: that of
// the newest release which came so far, and those back to the last good one,
// with the replicas that people asked for, or none for a sleep, and without.
func (r *Reconciler) manifests(ctx context.Context, stage *v1alpha1.Stage, target Target) ([][]byte, error) {
	releases, err := kube.ReleasesOf(ctx, r.Client, stage)
	if err != nil {
		return nil, err
	}
	var kept [][]byte
	var last string
	var asleep bool
	for i := range releases {
		status := releases[i].Status
		trigger := releases[i].Spec.Trigger
		if status.Bundle == "" || status.Bundle == last && asleep == trigger.Sleeps() || !release.CameToApplying(status) {
			continue
		}
		manifests, err := target.Bundle(ctx, status.Bundle, status.BundleDigest)
		if err != nil {
			return nil, fmt.Errorf("read what release %s applied: %w", releases[i].Name, err)
		}
		scaled, err := release.Applied(manifests, stage, trigger)
		if err != nil {
			return nil, fmt.Errorf("scale what release %s applied: %w", releases[i].Name, err)
		}
		kept, last, asleep = append(kept, scaled, manifests), status.Bundle, trigger.Sleeps()
		if status.Phase == v1alpha1.PhaseSucceeded {
			break
		}
	}
	return kept, nil
}

// Setup registers the reconciler. Every stage is looked at once
// after the start, so that what happened meanwhile is found.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	r.contention, r.began, r.stages = NewContentionTracker(), r.Now(), map[string]types.NamespacedName{}
	heard := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.queue = queue
		return nil
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("drift").
		For(&v1alpha1.Stage{}, builder.WithPredicates(predicate.Funcs{UpdateFunc: releaseMoved})).
		WatchesRawSource(heard).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Complete(r)
}

// releaseMoved keeps what is written to a stage all the time, such as how its
// services run, from causing a look.
func releaseMoved(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*v1alpha1.Stage)
	after, ok2 := e.ObjectNew.(*v1alpha1.Stage)
	return !ok || !ok2 || before.Status.Phase != after.Status.Phase || before.Status.Release != after.Status.Release ||
		before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero()
}
