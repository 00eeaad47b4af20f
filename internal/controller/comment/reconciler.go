package comment

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
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
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/repository"
	"github.com/slipway-dev/slipway/internal/scm"
)

// commentTopic tells Slipway's comment about stages from its others.
const commentTopic = "stages"

// Reconciler writes Slipway's one comment under each open pull request:
// how the stages stand that its branch feeds, and what its slipway.yaml would
// change. It also shows mistakes in slipway.yaml at their lines. It is keyed by
// project and works beside everything else; what it told is found again at the
// forge after a restart, so nothing is written twice.
type Reconciler struct {
	client  client.Client
	forges  *forge.Forges
	sources *repository.Sources
	log     *slog.Logger

	memory commentMemory
}

// commentMemory keeps what was last told under a key, to spare calls.
type commentMemory struct{ reported *lru.Cache } // key → sha256 of the text

// maxComments bounds the memory of comments.
const maxComments = 8192

// changed reports whether the text isn't the one last sent under the key.
func (m commentMemory) changed(key, text string) bool {
	sum, _ := m.reported.Get(key)
	return sum != sha256.Sum256([]byte(text))
}

func (m commentMemory) set(key, text string) { m.reported.Add(key, sha256.Sum256([]byte(text))) }

// New returns a reconciler that comments at the forges of projects.
func New(c client.Client, forges *forge.Forges, sources *repository.Sources, log *slog.Logger) *Reconciler {
	return &Reconciler{client: c, forges: forges, sources: sources, log: log, memory: commentMemory{lru.New(maxComments)}}
}

// Reconcile brings one project's comments up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var p v1alpha1.Project
	if err := r.client.Get(ctx, req.NamespacedName, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() || p.Spec.Suspend {
		return ctrl.Result{}, nil
	}
	host, err := r.forges.Client(ctx, &p, p.Primary())
	if err == nil && host == nil {
		return ctrl.Result{}, nil
	}
	state, stages, stateErr := r.state(ctx, &p)
	if stateErr != nil || !r.memory.changed(req.String(), state) {
		return ctrl.Result{}, stateErr
	}
	if err == nil {
		if !host.Enter() {
			return ctrl.Result{RequeueAfter: forge.BusyDelay}, nil
		}
		defer host.Leave()
		err = r.comment(ctx, host, &p, stages)
	}
	if wait, limited := scm.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if err == nil {
		r.memory.set(req.String(), state)
	}
	if err == nil || fault.CodeOf(err) == fault.Unavailable || ctx.Err() != nil {
		return ctrl.Result{}, err
	}
	r.log.Error("write comments", "project", p.Name, "error", err)
	r.memory.set(req.String(), state)
	return ctrl.Result{}, nil
}

// state returns what the comments of a project depend on, but for the pull
// requests themselves, and the project's stages. While it stays the same, the
// forge isn't asked.
func (r *Reconciler) state(ctx context.Context, p *v1alpha1.Project) (string, []v1alpha1.Stage, error) {
	var stages v1alpha1.StageList
	if err := r.client.List(ctx, &stages, client.InNamespace(p.Namespace), client.MatchingFields{kube.StagesByProject: p.Name}); err != nil {
		return "", nil, fmt.Errorf("list stages: %w", err)
	}
	var deliveries v1alpha1.DeliveryList
	if err := r.client.List(ctx, &deliveries, client.InNamespace(p.Namespace), client.MatchingFields{kube.DeliveriesByProject: p.Name}); err != nil {
		return "", nil, fmt.Errorf("list deliveries: %w", err)
	}
	parts := []string{p.Status.FileCommit}
	for _, stage := range stages.Items {
		parts = append(parts, stage.Spec.Ref+" "+report.StageRow(stage))
	}
	for _, delivery := range deliveries.Items {
		if changesRequest(&delivery) {
			parts = append(parts, delivery.Name)
		}
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, "\n"), stages.Items, nil
}

// comment shows what is wrong with the project file in force, and writes the
// comments.
func (r *Reconciler) comment(ctx context.Context, host *forge.Client, p *v1alpha1.Project, stages []v1alpha1.Stage) error {
	if err := r.reportFile(ctx, host, p, p.Status.FileCommit); err != nil {
		return err
	}
	reader, reads := host.Reader()
	if !reads {
		return nil
	}
	open, err := reader.PullRequests(ctx, p.Primary().Path)
	if err != nil {
		return fmt.Errorf("list pull requests of %s: %w", p.Primary().Path, err)
	}
	for _, request := range open {
		if request.Fork {
			continue // a fork's branch feeds no stage
		}
		if err := r.commentOn(ctx, host, p, request, fedBy(stages, request.Head.Ref)); err != nil {
			return err
		}
	}
	return nil
}

// fedBy returns the stages that a ref feeds, by name.
func fedBy(stages []v1alpha1.Stage, ref string) []v1alpha1.Stage {
	var fed []v1alpha1.Stage
	for _, stage := range stages {
		if stage.Spec.Ref == ref && stage.DeletionTimestamp.IsZero() {
			fed = append(fed, stage)
		}
	}
	slices.SortFunc(fed, func(a, b v1alpha1.Stage) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return fed
}

func (r *Reconciler) commentOn(ctx context.Context, host *forge.Client, p *v1alpha1.Project, request scm.PullRequest, fed []v1alpha1.Stage) error {
	change, err := r.fileChange(ctx, p, request.Head.Commit)
	if err != nil {
		return err
	}
	if change.Differs {
		if err := r.reportFile(ctx, host, p, request.Head.Commit); err != nil {
			return err
		}
	}
	body := report.Comment(fed, change)
	key := fmt.Sprintf("%s/%s/%d", p.Namespace, p.Name, request.Number)
	if body == "" || !r.memory.changed(key, body) {
		return nil
	}
	note := scm.Comment{Repository: p.Primary().Path, PullRequest: request.Number, Topic: commentTopic, Body: body}
	if err := host.SetComment(ctx, note); err != nil {
		return fmt.Errorf("comment on pull request %d of %s: %w", request.Number, note.Repository, err)
	}
	r.memory.set(key, body)
	return nil
}

// gatherTime is how long changes of a project are gathered before its comments are
// looked at.
const gatherTime = time.Second

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("comment").
		Watches(&v1alpha1.Delivery{}, gathered(func(o client.Object) string {
			if delivery, ok := o.(*v1alpha1.Delivery); ok && changesRequest(delivery) {
				return delivery.Spec.Project
			}
			return ""
		})).
		Watches(&v1alpha1.Stage{}, gathered(func(o client.Object) string {
			if stage, ok := o.(*v1alpha1.Stage); ok {
				return stage.Spec.Project
			}
			return ""
		})).
		Watches(&v1alpha1.Project{}, gathered(client.Object.GetName)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4, RateLimiter: kube.Retries()}).
		Complete(r)
}

// gathered asks for a look at the project that an object belongs to, a moment
// later and once for all that changes until then; an empty name is none.
func gathered(projectOf func(client.Object) string) handler.EventHandler {
	add := func(o client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		if name := projectOf(o); name != "" {
			queue.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}, gatherTime)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			add(e.Object, q)
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			add(e.ObjectNew, q)
		},
	}
}

// changesRequest reports whether a delivery told of a pull request, and the
// sync has seen it.
func changesRequest(d *v1alpha1.Delivery) bool {
	return d.Spec.Event == string(scm.KindPullRequest) && d.Status.Phase == v1alpha1.DeliveryDone
}
