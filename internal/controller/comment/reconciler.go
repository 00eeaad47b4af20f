package comment

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
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
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Forges has the clients of projects' forges.
type Forges interface {
	// Client returns nil when the project has no credentials for the forge.
	Client(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (*forge.Client, error)
}

// PullRequests knows the open pull requests of projects' primary repositories.
type PullRequests interface {
	// Open returns them as they were read after the last sync began.
	Open(ctx context.Context, p *v1alpha1.Project) ([]scm.PullRequest, error)
	// Ref returns the ref under which the forge publishes the head of one. An error of
	// code invalid says that it publishes none.
	Ref(ctx context.Context, p *v1alpha1.Project, number int64) (string, error)
}

// Sources reads project files.
type Sources interface {
	// FileID returns the object id of a commit's project file, empty for none.
	FileID(ctx context.Context, p *v1alpha1.Project, commit string) (string, error)
	// FileAt returns the project file of a commit as it applies now.
	FileAt(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, v1alpha1.Head, error)
	// Tree returns the tree of a commit of a repository.
	Tree(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) (*git.Tree, error)
	// ForkTree returns the tree of a commit that a pull request's ref leads to.
	ForkTree(ctx context.Context, p *v1alpha1.Project, ref, commit string) (*git.Tree, error)
}

// Reconciler keeps Slipway's one comment under each open pull request up to date:
// how the stages stand that its branch feeds, and what its slipway.yaml would
// change. It also has mistakes in slipway.yaml shown at their lines. It is keyed
// by project and works beside everything else; the sinks find again after a
// restart what was sent, so nothing is written twice.
type Reconciler struct {
	Client  client.Client
	Forges  Forges
	Sources Sources
	Pulls   PullRequests
	Sinks   notify.Sink
	Now     func() time.Time
	Log     *slog.Logger

	memory commentMemory
}

// commentMemory keeps what was last sent under a key, to spare calls.
type commentMemory struct {
	reported *lru.Cache // key → sha256 of the text
	held     *lru.Cache // project → commit whose file check says that it is held
}

// maxComments bounds the memory of comments.
const maxComments = 8192

// changed reports whether the text isn't the one last sent under the key.
func (m commentMemory) changed(key, text string) bool {
	sum, _ := m.reported.Get(key)
	return sum != sha256.Sum256([]byte(text))
}

func (m commentMemory) set(key, text string) { m.reported.Add(key, sha256.Sum256([]byte(text))) }

// New returns a reconciler made from its exported fields.
func New(r Reconciler) *Reconciler {
	r.memory = commentMemory{lru.New(maxComments), lru.New(maxComments)}
	return &r
}

// Reconcile brings one project's comments up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var p v1alpha1.Project
	if err := r.Client.Get(ctx, req.NamespacedName, &p); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() || p.Spec.Suspend {
		return ctrl.Result{}, nil
	}
	host, err := r.Forges.Client(ctx, &p, p.Primary())
	if err == nil && host == nil {
		return ctrl.Result{}, nil
	}
	state, shown, stateErr := r.state(ctx, &p)
	if stateErr != nil || !r.memory.changed(keyOf(&p), state) {
		return ctrl.Result{RequeueAfter: untilWarning(&p, r.Now())}, stateErr
	}
	if err == nil {
		if !host.Enter() {
			return ctrl.Result{RequeueAfter: forge.BusyDelay}, nil
		}
		defer host.Leave()
		organization, _ := naming.OrganizationOf(p.Namespace)
		err = r.comment(ctx, notify.Destination{Organization: organization, Project: p.Name, Forge: host.Reporter}, &p, shown)
	}
	return r.conclude(ctx, &p, state, err)
}

// conclude remembers a state that was reported, or can't be because of an error,
// or says when to try again.
func (r *Reconciler) conclude(ctx context.Context, p *v1alpha1.Project, state string, err error) (ctrl.Result, error) {
	if wait, limited := scm.RetryAfter(err); limited {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if notify.Retryable(ctx, err) {
		return ctrl.Result{}, err
	}
	if err != nil {
		r.Log.Error("write comments", "project", p.Name, "error", err)
	}
	r.memory.set(keyOf(p), state)
	return ctrl.Result{RequeueAfter: untilWarning(p, r.Now())}, nil
}

// untilWarning returns when the next preview says that it ends soon; 0 when none will.
func untilWarning(p *v1alpha1.Project, now time.Time) time.Duration {
	var next time.Duration
	for _, one := range p.Status.Previews {
		if one.Ends == nil {
			continue
		}
		if wait := one.Ends.Sub(now) - report.WarnBefore; wait > 0 && (next == 0 || wait < next) {
			next = wait + time.Second
		}
	}
	return next
}

// keyOf is what a project's state is remembered under.
func keyOf(p *v1alpha1.Project) string { return p.Namespace + "/" + p.Name }

// state returns what the comments of a project depend on, but for the pull
// requests themselves, as a text and as it is. While the text stays the same, the
// forge isn't asked.
func (r *Reconciler) state(ctx context.Context, p *v1alpha1.Project) (string, shown, error) {
	var stages v1alpha1.StageList
	if err := r.Client.List(ctx, &stages, client.InNamespace(p.Namespace), client.MatchingFields{kube.StagesByProject: p.Name}); err != nil {
		return "", shown{}, fmt.Errorf("list stages: %w", err)
	}
	var deliveries v1alpha1.DeliveryList
	if err := r.Client.List(ctx, &deliveries, client.InNamespace(p.Namespace), client.MatchingFields{kube.DeliveriesByProject: p.Name}); err != nil {
		return "", shown{}, fmt.Errorf("list deliveries: %w", err)
	}
	file, _ := report.HeldFileOf(p)
	parts := []string{p.Status.FileCommit + " " + acceptedCommit(p) + " " + file.Title}
	for _, one := range p.Status.Previews {
		parts = append(parts, fmt.Sprintf("%d %s %s %s %s", one.PullRequest, one.State, one.Commit, one.Message, report.Warning(one, r.Now())))
	}
	for _, stage := range stages.Items {
		parts = append(parts, stage.Spec.Ref+" "+report.StageRow(stage))
	}
	found := shown{stages: stages.Items, answers: map[int64]*v1alpha1.Delivery{}}
	for i := range deliveries.Items {
		delivery := &deliveries.Items[i]
		if changesRequest(delivery) || isAnswered(p, delivery) {
			parts = append(parts, delivery.Name)
		}
		if isAnswered(p, delivery) {
			found.add(delivery)
		}
	}
	slices.Sort(parts[1:])
	return strings.Join(parts, "\n"), found, nil
}

// comment shows what is wrong with the project file in force, and brings the
// comments up to date: of open pull requests, and of others where a comment was
// answered.
func (r *Reconciler) comment(ctx context.Context, to notify.Destination, p *v1alpha1.Project, found shown) error {
	if err := r.reportReplaced(ctx, to, p); err != nil {
		return err
	}
	if err := r.reportFile(ctx, to, p, p.Status.FileCommit); err != nil {
		return err
	}
	if err := r.react(ctx, to, p, found.answered); err != nil {
		return err
	}
	open, err := r.Pulls.Open(ctx, p)
	if err != nil {
		return err
	}
	for _, request := range open {
		if err := r.commentOn(ctx, to, p, request, fedBy(found.stages, request), found.answers[request.Number]); err != nil {
			return err
		}
		delete(found.answers, request.Number)
	}
	for _, number := range slices.Sorted(maps.Keys(found.answers)) {
		if err := r.send(ctx, to, report.PullRequest{Repository: p.Primary().Path, Number: number, Text: report.AnswerTo(found.answers[number])}); err != nil {
			return err
		}
	}
	return nil
}

// send writes a comment, unless it is what was written last.
func (r *Reconciler) send(ctx context.Context, to notify.Destination, pull report.PullRequest) error {
	key := fmt.Sprintf("%s/%s/%d", to.Organization, to.Project, pull.Number)
	if !r.memory.changed(key, pull.Text) {
		return nil
	}
	if err := r.Sinks.PullRequest(ctx, to, pull); err != nil {
		return err
	}
	r.memory.set(key, pull.Text)
	return nil
}

// fedBy returns the stages that a pull request's branch feeds, by name, and its
// preview. The branch of a fork feeds none.
func fedBy(stages []v1alpha1.Stage, request scm.PullRequest) []v1alpha1.Stage {
	var fed []v1alpha1.Stage
	for _, stage := range stages {
		feeds := stage.Spec.Ref == request.Head.Ref && !request.Fork
		if stage.IsPreview() {
			feeds = stage.Spec.PullRequest == request.Number
		}
		if feeds && stage.DeletionTimestamp.IsZero() {
			fed = append(fed, stage)
		}
	}
	slices.SortFunc(fed, func(a, b v1alpha1.Stage) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return fed
}

// commentOn reports how things stand with one pull request. Of a fork nothing is read
// but what somebody is asked to approve.
func (r *Reconciler) commentOn(ctx context.Context, to notify.Destination, p *v1alpha1.Project, request scm.PullRequest, fed []v1alpha1.Stage, answered *v1alpha1.Delivery) error {
	about := report.Discussion{Number: request.Number, Stages: fed, Answered: answered, Now: r.Now()}
	var err error
	if request.Fork {
		about.Fork, err = r.heldFork(ctx, p, request)
	} else {
		about.File, err = r.fileChange(ctx, p, request.Head.Commit)
	}
	if err != nil {
		return err
	}
	if about.File.Differs {
		if err := r.reportFile(ctx, to, p, request.Head.Commit); err != nil {
			return err
		}
	}
	if err := r.reportUnchanged(ctx, to, p, request); err != nil {
		return err
	}
	if pull, say := report.PullRequestOf(p, about); say {
		return r.send(ctx, to, pull)
	}
	return nil
}

// maxForksRead is how many forks' commits that wait are read at most: anybody can open
// pull requests, and each is a fetch.
const maxForksRead = 20

// heldFork returns what a fork's commit changes that waits to be approved; nil when none
// does.
func (r *Reconciler) heldFork(ctx context.Context, p *v1alpha1.Project, request scm.PullRequest) (*report.ForkChange, error) {
	held := 0
	for _, one := range p.Status.Previews {
		if one.State != v1alpha1.PreviewHeld {
			continue
		}
		held++
		if one.PullRequest != request.Number || one.Commit != request.Head.Commit {
			continue
		}
		if held > maxForksRead {
			return &report.ForkChange{Commit: request.Head.Commit, Others: maxForksRead}, nil
		}
		change, err := r.forkChange(ctx, p, request)
		return &change, err
	}
	return nil, nil
}

// reportUnchanged reports that a pull request has nothing to preview, once for its head.
func (r *Reconciler) reportUnchanged(ctx context.Context, to notify.Destination, p *v1alpha1.Project, request scm.PullRequest) error {
	text, is := report.NothingToPreview(p, request)
	key := fmt.Sprintf("%s/%d preview", keyOf(p), request.Number)
	if !is || !r.memory.changed(key, text.Commit) {
		return nil
	}
	if err := r.Sinks.Release(ctx, to, text); err != nil {
		return err
	}
	r.memory.set(key, text.Commit)
	return nil
}

// gatherTime is how long changes of a project are gathered before its comments are
// looked at.
const gatherTime = time.Second

// Setup registers the reconciler.
func (r *Reconciler) Setup(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("comment").
		Watches(&v1alpha1.Delivery{}, gathered(projectOfDelivery)).
		Watches(&v1alpha1.Stage{}, gathered(projectOfStage)).
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

// projectOfDelivery returns the project of a delivery that changes a pull request, or
// of a comment that was answered.
func projectOfDelivery(o client.Object) string {
	if delivery, ok := o.(*v1alpha1.Delivery); ok && (changesRequest(delivery) || delivery.Status.Answer != nil) {
		return delivery.Spec.Project
	}
	return ""
}

func projectOfStage(o client.Object) string {
	if stage, ok := o.(*v1alpha1.Stage); ok {
		return stage.Spec.Project
	}
	return ""
}

// changesRequest reports whether a delivery is about a pull request, and the
// sync has seen it.
func changesRequest(d *v1alpha1.Delivery) bool {
	return d.Spec.Event == string(scm.KindPullRequest) && d.Status.Phase == v1alpha1.DeliveryDone
}
