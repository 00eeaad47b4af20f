package project

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/repository"
	"github.com/slipway-dev/slipway/internal/scm"
)

const (
	namespace = "slipway-org-acme"
	commitA   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB   = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	mainRef   = "refs/heads/main"
)

var shop = ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: "shop"}}

// start is when tests begin.
func start() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// repositories are the repositories of a project at some moment.
type repositories struct {
	heads map[string]string
	file  string // of whatever commit that files has not
	files map[string]string
	lost  map[string]bool // commits that can't be read any more
	// errors by the method that returns them
	errs   map[string]error
	known  map[string]bool
	groups map[string][]string // by login
	// secondary are where other repositories are.
	secondary []v1alpha1.RepositoryCommit
	message   string // of every commit
	subject   string // of every commit; empty means "change"
	reads     int
	during    func(context.Context) error // while the heads are read
	expired   int                         // how often the pull requests were
	open      []scm.PullRequest
	fetched   []string               // of forks: ref and commit
	listed    int                    // how often they were listed
	merged    map[string]*scm.Merged // by commit
}

// Heads implements Sources.
func (r *repositories) Heads(ctx context.Context, _ *v1alpha1.Project, _ []v1alpha1.Delivery) (git.Heads, error) {
	r.reads++
	if r.during != nil {
		if err := r.during(ctx); err != nil {
			return git.Heads{}, err
		}
	}
	if err := r.errs["Heads"]; err != nil {
		return git.Heads{}, err
	}
	if len(r.heads) == 0 {
		return git.Heads{}, nil
	}
	return git.Heads{Default: mainRef, Refs: r.heads}, nil
}

// FileAt implements Sources.
func (r *repositories) FileAt(ctx context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, v1alpha1.Head, error) {
	head := v1alpha1.Head{FileCommit: commit, FileID: "file-1", Secondary: slices.Clone(r.secondary)}
	if err := r.errs["File"]; err != nil {
		return nil, head, err
	}
	document, _, err := r.Policy(ctx, p, commit)
	return document, head, err
}

// Policy implements Sources.
func (r *repositories) Policy(_ context.Context, p *v1alpha1.Project, commit string) (*projectfile.Document, string, error) {
	if r.lost[commit] {
		if file := p.Status.File; file != nil && file.Accepted.Commit == commit {
			document, err := projectfile.ReadPolicy(project.FileName, file.Accepted.Policy)
			return document, file.Accepted.ID, err
		}
		return nil, "", fault.New(fault.NotFound, "commit %.8s is in no branch", commit)
	}
	file, own := r.files[commit]
	if !own {
		file = r.file
	}
	document, err := projectfile.Parse(project.FileName, []byte(file))
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "%s", err.Error())
	}
	return document, fileID(file), nil
}

// fileID is the object id of a file.
func fileID(file string) string {
	sum := sha1.Sum([]byte(file))
	return hex.EncodeToString(sum[:])
}

// Under implements Sources.
func (r *repositories) Under(ctx context.Context, p *v1alpha1.Project, document *projectfile.Document, head v1alpha1.Head, accepted v1alpha1.AcceptedFile) (*projectfile.Document, v1alpha1.Head, error) {
	policy, _, err := r.Policy(ctx, p, accepted.Commit)
	if err != nil {
		return nil, head, err
	}
	head.AcceptedCommit, head.FileID = accepted.Commit, head.FileID+" under "+accepted.ID
	return document.Under(policy), head, nil
}

// Members implements Groups.
func (r *repositories) Members(_ context.Context, _ *v1alpha1.Project, login string, among []string) ([]string, error) {
	if err := r.errs["Members"]; err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(among), func(group string) bool { return !slices.Contains(r.groups[login], group) }), nil
}

// Merged implements PullRequests.
func (r *repositories) Merged(_ context.Context, _ *v1alpha1.Project, _, commit, _ string) (*scm.Merged, error) {
	return r.merged[commit], r.errs["Merged"]
}

// Expire implements PullRequests.
func (r *repositories) Expire(*v1alpha1.Project) { r.expired++ }

// Open implements PullRequests.
func (r *repositories) Open(context.Context, *v1alpha1.Project) ([]scm.PullRequest, error) {
	r.listed++
	return r.open, r.errs["Open"]
}

// FileOf implements Sources.
func (r *repositories) FileOf(ctx context.Context, p *v1alpha1.Project, commit string, trusted v1alpha1.Head, accepted v1alpha1.AcceptedFile) (v1alpha1.Head, error) {
	if err := r.errs["FileOf"]; err != nil {
		return v1alpha1.Head{}, err
	}
	document, head, err := r.FileAt(ctx, p, commit)
	if err != nil {
		return head, err
	}
	head.Acceptance = trusted.Acceptance
	_, head, err = r.Under(ctx, p, document, head, accepted)
	return head, err
}

// Ref implements PullRequests.
func (r *repositories) Ref(_ context.Context, _ *v1alpha1.Project, number int64) (string, error) {
	return fmt.Sprintf("refs/pull/%d/head", number), r.errs["Ref"]
}

// FetchFork implements Sources.
func (r *repositories) FetchFork(_ context.Context, _ *v1alpha1.Project, ref, commit string) error {
	r.fetched = append(r.fetched, ref+" "+commit)
	return r.errs["FetchFork"]
}

// Knows implements Sources.
func (r *repositories) Knows(_ context.Context, _ *v1alpha1.Project, _ v1alpha1.Repository, commit string) bool {
	return r.known[commit]
}

// Commit implements Commits.
func (r *repositories) Commit(context.Context, *v1alpha1.Project, v1alpha1.Repository, string) (git.Commit, error) {
	return git.Commit{Subject: cmp.Or(r.subject, "change"), Message: r.message}, r.errs["Commit"]
}

// route is a fast path that records which stages take it.
type route struct {
	mu     sync.Mutex
	stages []string
}

// Through implements FastPath.
func (r *route) Through(_ context.Context, stage *v1alpha1.Stage, write func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stages = append(r.stages, stage.Spec.Name)
	return write()
}

// contents knows the stages at which every new head changes nothing.
type contents struct {
	unchanged map[string]bool // by the name of the Stage object
	runs      map[string]bool // commits that make what a stage runs

	mu    sync.Mutex
	asked []string
}

// Runs implements Contents.
func (c *contents) Runs(_ context.Context, stage *v1alpha1.Stage, head v1alpha1.Head) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, stage.Name+" "+head.Commit)
	return c.runs[head.Commit]
}

// Unchanged implements Contents.
func (c *contents) Unchanged() func(context.Context, release.Move) bool {
	return func(_ context.Context, move release.Move) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked = append(c.asked, move.Stage.Name)
		return c.unchanged[move.Stage.Name]
	}
}

// fileWith returns a project file with stages.
func fileWith(stages string) string {
	return "version: 1\nproject: shop\nmembers: [{user: alice, role: owner}]\nstages: [" + stages + "]\nservices: {web: {image: \"web:1\"}}\n"
}

const (
	devRule     = "{name: dev, branch: main}"
	featureRule = "{name: feature, branch: \"feature/*\", ttl: 1h}"
)

func newProject(change func(*v1alpha1.Project)) *v1alpha1.Project {
	p := &v1alpha1.Project{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop", UID: "1", Generation: 1, Finalizers: []string{projectFinalizer}},
		Spec:       v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Name: "main", Path: "acme/shop", URL: "https://git.example/acme/shop.git"}}},
	}
	if change != nil {
		change(p)
	}
	return p
}

// push returns a delivery that reports a push to the main branch.
func push(name string, change func(*v1alpha1.Delivery)) *v1alpha1.Delivery {
	d := &v1alpha1.Delivery{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(name)},
		Spec: v1alpha1.DeliverySpec{
			Project: "shop", Repository: "main", Event: string(scm.KindPush), Ref: mainRef, Before: commitB, After: commitA, Actor: "alice",
			Received: metav1.NewMicroTime(start()),
		},
	}
	if change != nil {
		change(d)
	}
	return d
}

// newStage returns a stage of the main branch as a sync made it.
func newStage(change func(*v1alpha1.Stage)) *v1alpha1.Stage {
	wanted := wantedStages(newProject(nil), parsed(fileWith(devRule)), git.Heads{Refs: map[string]string{mainRef: commitA}}, hints{force: v1alpha1.Head{FileCommit: commitA, FileID: "file-1", FileObject: fileID(fileWith(devRule)), FileActor: v1alpha1.ActorRegistration, Acceptance: 1}})
	stage := &wanted[0]
	stage.UID, stage.Generation = "1", 1
	if change != nil {
		change(stage)
	}
	return stage
}

func parsed(file string) *project.File {
	document, err := projectfile.Parse(project.FileName, []byte(file))
	if err != nil {
		panic(err) // a mistake of the test
	}
	return document.File
}

// fixture is a reconciler of the project shop, whose main branch is at commitA.
type fixture struct {
	*Reconciler
	client   client.Client
	contents *contents
	repos    *repositories
	route    *route
	now      time.Time
}

func newFixture(t *testing.T, objects ...client.Object) *fixture {
	t.Helper()
	return newFixtureWith(t, interceptor.Funcs{}, objects...)
}

// newFixtureWith returns a fixture some of whose calls of the API server do
// something else.
func newFixtureWith(t *testing.T, calls interceptor.Funcs, objects ...client.Object) *fixture {
	t.Helper()
	if calls.Create == nil {
		calls.Create = createAsServer
	}
	log := slog.New(slog.DiscardHandler)
	f := &fixture{client: kubefake.Intercepted(t, calls, objects...), contents: &contents{}, route: &route{}, now: start()}
	f.repos = &repositories{heads: map[string]string{mainRef: commitA}, file: fileWith(devRule), errs: map[string]error{}}
	f.Reconciler = New(Reconciler{
		Client: f.client, Sources: f.repos, Pulls: f.repos, Groups: f.repos, Work: &repository.Work{}, Interval: time.Minute, Timers: 2, Now: func() time.Time { return f.now },
		Stages:  &StageWriter{Client: f.client, Commits: f.repos, Contents: f.contents, FastPath: f.route, Log: log},
		Cleaner: NewDeliveryCleaner(f.client, queue.NewPriorityGate(time.Second), log),
	})
	return f
}

// createAsServer counts generations from 1, as an API server does.
func createAsServer(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
	o.SetGeneration(1)
	return c.Create(ctx, o, options...)
}

// reconcile reconciles the project and wants no error.
func (f *fixture) reconcile(t *testing.T) ctrl.Result {
	t.Helper()
	result, err := f.Reconcile(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func (f *fixture) project(t *testing.T) *v1alpha1.Project {
	t.Helper()
	var p v1alpha1.Project
	if err := f.client.Get(t.Context(), shop.NamespacedName, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

// stages returns the project's stages by the name in the project file.
func (f *fixture) stages(t *testing.T) map[string]v1alpha1.Stage {
	t.Helper()
	var all v1alpha1.StageList
	if err := f.client.List(t.Context(), &all, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	found := map[string]v1alpha1.Stage{}
	for _, stage := range all.Items {
		found[stage.Spec.Name] = stage
	}
	return found
}

// cleaned returns what is to be done with deliveries, by name: "delete", or how
// they are marked.
func (f *fixture) cleaned() map[string]string {
	f.Cleaner.mu.Lock()
	defer f.Cleaner.mu.Unlock()
	found := map[string]string{}
	for _, task := range f.Cleaner.tasks {
		found[task.delivery.Name] = "delete"
		if task.marked != nil {
			found[task.delivery.Name] = string(task.marked.Status.Phase) + ": " + task.marked.Status.Message
		}
	}
	return found
}
