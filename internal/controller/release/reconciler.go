package release

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
)

// heldPoll is how often a held release is planned again: a check may have
// passed or a freeze ended.
const heldPoll = 30 * time.Second

// foreignPoll is how often a release is looked at whose stage the watch cache
// does not show.
const foreignPoll = 2 * time.Second

// Targets finds what the releases of a stage work with.
type Targets interface {
	// Inputs gathers everything except the release itself.
	Inputs(ctx context.Context, stage *v1alpha1.Stage) (release.Inputs, error)
}

// Runner runs releases.
type Runner interface {
	// Accept decides whether a release that a person asked for may begin.
	Accept(ctx context.Context, in release.Inputs, h release.History) (runner.Answer, error)
	// Answered returns the status of a release that was decided about.
	Answered(in release.Inputs, a runner.Answer) v1alpha1.ReleaseStatus
	// Speculate does what changes nothing in the stage's cluster.
	Speculate(ctx context.Context, in release.Inputs, speculation *runner.Speculation)
	// Run runs a release until it is done, held or superseded.
	Run(ctx context.Context, in release.Inputs, journal runner.Journal, speculation *runner.Speculation) error
	// Supersede ends a release that a newer one overtook.
	Supersede(ctx context.Context, in release.Inputs, journal runner.Journal) error
}

// Reconciler runs the newest unfinished release of each stage, and
// marks those that a newer one overtook before they ran.
type Reconciler struct {
	Client client.Client
	// Live reads past the watch cache.
	Live     client.Reader
	Queue    *queue.Queue
	Journals *fastpath.Journals
	Targets  Targets
	Runner   Runner
	Log      *slog.Logger

	details *details
}

// New returns a reconciler made from its exported fields.
func New(r Reconciler) *Reconciler {
	r.details = newDetails(r.Live)
	return &r
}

// Reconcile starts, resumes or supersedes one release.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var rel v1alpha1.Release
	if err := r.Client.Get(ctx, req.NamespacedName, &rel); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if rel.Status.Phase.Done() || !rel.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: rel.Namespace, Name: rel.Spec.Stage}, &stage); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !stage.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	if !release.Belongs(&rel, &stage) { // left over from a stage of the same name, or the watch cache is behind
		return ctrl.Result{RequeueAfter: foreignPoll}, nil
	}
	if rel.Status.Phase == "" && r.Queue.Reserved(client.ObjectKeyFromObject(&stage)) {
		return ctrl.Result{RequeueAfter: queue.ReservedPoll}, nil
	}
	in, err := r.inputs(ctx, &stage, &rel)
	if err != nil {
		return ctrl.Result{}, err
	}
	if release.IsAsked(&rel) {
		accepted, err := r.accept(ctx, in)
		if apierrors.IsConflict(err) {
			return ctrl.Result{RequeueAfter: kube.ConflictDelay}, nil // the watch cache is behind
		}
		if err != nil || !accepted {
			return ctrl.Result{}, err
		}
	}
	if in.Newest > rel.Spec.Sequence {
		return ctrl.Result{}, r.supersede(ctx, in.Inputs)
	}
	return r.submit(ctx, in, nil)
}

// Begin queues a release that was made a moment ago.
func (r *Reconciler) Begin(ctx context.Context, stage *v1alpha1.Stage, rel *v1alpha1.Release, speculation *runner.Speculation) error {
	in, err := r.inputs(ctx, stage, rel)
	if err != nil || in.Newest > rel.Spec.Sequence {
		return err
	}
	_, err = r.submit(ctx, in, speculation)
	return err
}

// Speculate begins the part of a stage's next release that changes nothing in
// the stage's cluster.
func (r *Reconciler) Speculate(ctx context.Context, stage *v1alpha1.Stage, rel *v1alpha1.Release) (*runner.Speculation, error) {
	in, err := r.inputs(ctx, stage, rel)
	if err != nil {
		return nil, err
	}
	speculation := runner.NewSpeculation()
	r.Queue.Go(func(ctx context.Context) { r.Runner.Speculate(ctx, in.Inputs, speculation) })
	return speculation, nil
}

// submit queues a release, and ends those that it overtook.
// A held release may come while the run that held it ends: then it
// comes again at once, because a verdict may be among what that run did not
// know.
func (r *Reconciler) submit(ctx context.Context, in *numberedInputs, speculation *runner.Speculation) (ctrl.Result, error) {
	stage, rel := client.ObjectKeyFromObject(in.Stage), in.Release
	held := rel.Status.Phase == v1alpha1.PhaseHeld
	if held && r.Queue.Running(stage) == rel.Spec.Sequence {
		return ctrl.Result{RequeueAfter: queue.StopPoll}, nil
	}
	r.Queue.Submit(stage, queue.Job{
		Sequence: rel.Spec.Sequence,
		Urgent:   isAwaited(rel),
		Run:      func(ctx context.Context) bool { return r.run(ctx, in.Inputs, speculation) },
	})
	for i := range in.Overtaken {
		older := in.Inputs
		older.Release = &in.Overtaken[i]
		if err := r.supersede(ctx, older); err != nil {
			return ctrl.Result{}, err
		}
	}
	if held {
		return ctrl.Result{RequeueAfter: heldPoll}, nil
	}
	return ctrl.Result{}, nil
}

// isAwaited reports whether somebody may wait for a release: who asked for it, or who
// just approved it.
func isAwaited(rel *v1alpha1.Release) bool {
	return rel.Spec.Trigger.Asked() || rel.Status.Phase == v1alpha1.PhaseHeld
}

// supersede ends a release that a newer one overtook, unless it runs: then its
// run ends it.
func (r *Reconciler) supersede(ctx context.Context, in release.Inputs) error {
	if r.Queue.Running(client.ObjectKeyFromObject(in.Stage)) == in.Release.Spec.Sequence {
		return nil
	}
	return r.Runner.Supersede(ctx, in, r.Journals.Open(in.Release))
}

// numberedInputs are the inputs of a release with the history of its stage, the number of the
// newest release in it, and the older ones that are not done.
type numberedInputs struct {
	release.Inputs
	History   release.History
	Newest    int64
	Overtaken []v1alpha1.Release
}

// inputs gathers what a release of a stage needs.
func (r *Reconciler) inputs(ctx context.Context, stage *v1alpha1.Stage, rel *v1alpha1.Release) (*numberedInputs, error) {
	in, err := r.Targets.Inputs(ctx, stage)
	if err != nil {
		return nil, err
	}
	releases, err := kube.ReleasesOf(ctx, r.Client, stage)
	if err != nil {
		return nil, err
	}
	in.Release, in.Details = rel, r.details.of
	if in.From, in.FromStage, err = r.source(ctx, rel); err != nil {
		return nil, err
	}
	history := release.HistoryOf(stage, releases)
	in.Good, in.EarlierBuilds = history.Before(rel).Good(), history.Before(rel).UnfinishedBuilds()
	numbered := numberedInputs{Inputs: in, History: history, Newest: rel.Spec.Sequence}
	for _, other := range history {
		numbered.Newest = max(numbered.Newest, other.Spec.Sequence)
		if other.Spec.Sequence < rel.Spec.Sequence && !other.Status.Phase.Done() {
			numbered.Overtaken = append(numbered.Overtaken, other)
		}
	}
	return &numbered, nil
}

// source returns the release that another names as its source, and its stage;
// nil for what is not named or gone.
func (r *Reconciler) source(ctx context.Context, rel *v1alpha1.Release) (*v1alpha1.Release, *v1alpha1.Stage, error) {
	if rel.Spec.From == "" {
		return nil, nil, nil
	}
	var from v1alpha1.Release
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: rel.Namespace, Name: rel.Spec.From}, &from); err != nil {
		return nil, nil, client.IgnoreNotFound(err)
	}
	var stage v1alpha1.Stage
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: rel.Namespace, Name: from.Spec.Stage}, &stage); err != nil {
		return &from, nil, client.IgnoreNotFound(err)
	}
	return &from, &stage, nil
}

// run runs a release until it is done, held, superseded, or the server stops.
// What fails outside the story (the API server, say) is tried again. It
// reports whether the release needs no other run.
func (r *Reconciler) run(ctx context.Context, in release.Inputs, speculation *runner.Speculation) (over bool) {
	log := r.Log.With("organization", in.Organization, "project", in.Project.Name, "stage", in.Stage.Spec.Name,
		"release", in.Release.Name, "commit", in.Release.Spec.Head.Commit)
	backoff := wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 1 << 20, Cap: 30 * time.Second}
	for {
		journal := r.Journals.Open(in.Release)
		err := r.Runner.Run(ctx, in, journal, speculation)
		journal.Close()
		if err == nil {
			if finished, over := journal.Finished(); over {
				r.details.keep(finished)
				return true
			}
			return false
		}
		log.Error("release", "error", err, "code", fault.CodeOf(err))
		select {
		case <-ctx.Done():
			return false
		case <-time.After(backoff.Step()):
		}
	}
}

// unfinished reports whether there is anything to do about a release. After a restart
// there are many for which there is not.
func unfinished(o client.Object) bool {
	rel, is := o.(*v1alpha1.Release)
	return is && !rel.Status.Phase.Done()
}

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Release{}, builder.WithPredicates(predicate.NewPredicateFuncs(unfinished))).
		Watches(&v1alpha1.Delivery{}, handler.EnqueueRequestsFromMapFunc(r.heldFor)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, RateLimiter: kube.Retries()}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("set up releases: %w", err)
	}
	return nil
}
