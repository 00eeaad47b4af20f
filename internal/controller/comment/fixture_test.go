package comment

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/kube/kubefake"
	"github.com/slipway-dev/slipway/internal/notify"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

const namespace = "slipway-org-acme"

var shop = ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: "shop"}}

// host is a forge's client for a project, or why there is none.
type host struct {
	client *forge.Client
	err    error
}

func (h *host) Client(context.Context, *v1alpha1.Project, v1alpha1.Repository) (*forge.Client, error) {
	return h.client, h.err
}

// pulls are the open pull requests.
type pulls struct {
	open   []scm.PullRequest
	err    error
	asked  int
	refErr error
}

func (p *pulls) Open(context.Context, *v1alpha1.Project) ([]scm.PullRequest, error) {
	p.asked++
	return p.open, p.err
}

func (p *pulls) Ref(_ context.Context, _ *v1alpha1.Project, number int64) (string, error) {
	return fmt.Sprintf("refs/pull/%d/head", number), p.refErr
}

// sources are the project files of commits: an empty one is no file.
type sources struct {
	files   map[string]string
	idErr   error
	fileErr error
	treeErr error
}

func (s *sources) FileID(_ context.Context, _ *v1alpha1.Project, commit string) (string, error) {
	return s.files[commit], s.idErr
}

func (s *sources) FileAt(_ context.Context, _ *v1alpha1.Project, commit string) (*projectfile.Document, v1alpha1.Head, error) {
	text := s.files[commit]
	if s.fileErr != nil {
		return nil, v1alpha1.Head{}, s.fileErr
	}
	if text == "" {
		return nil, v1alpha1.Head{}, fault.New(fault.NotFound, "commit %s has no slipway.yaml", commit)
	}
	document, err := projectfile.Parse("slipway.yaml", []byte(text))
	if err != nil {
		return nil, v1alpha1.Head{}, fault.Wrap(fault.Invalid, err, "%s", err.Error())
	}
	return document, v1alpha1.Head{FileCommit: commit}, nil
}

func (s *sources) Tree(context.Context, *v1alpha1.Project, v1alpha1.Repository, string) (*git.Tree, error) {
	return nil, s.treeErr
}

func (s *sources) ForkTree(context.Context, *v1alpha1.Project, string, string) (*git.Tree, error) {
	return nil, s.treeErr
}

// sink keeps what it is sent, unless it fails.
type sink struct {
	notify.Silent
	err       error
	checks    []report.FileCheck
	comments  []report.PullRequest
	reactions []report.Reaction
	reactErr  error
}

func (s *sink) Reaction(_ context.Context, _ notify.Destination, a report.Reaction) error {
	s.reactions = append(s.reactions, a)
	return s.reactErr
}

func (s *sink) FileCheck(_ context.Context, _ notify.Destination, c report.FileCheck) error {
	s.checks = append(s.checks, c)
	return s.err
}

func (s *sink) PullRequest(_ context.Context, to notify.Destination, p report.PullRequest) error {
	if to.Organization != "acme" || to.Project != "shop" || to.Forge == nil {
		return fmt.Errorf("sent to %+v", to)
	}
	s.comments = append(s.comments, p)
	return s.err
}

// Project files: the one in force, one with another member, one with a mistake.
const (
	inForce = "version: 1\nproject: shop\nmembers: [{user: alice, email: alice@acme.example, role: owner}]\n" +
		"stages: [{name: dev, branch: main}]\nservices: {web: {image: \"web:1\"}}\n"
	otherMember = "version: 1\nproject: shop\nmembers: [{user: alice, email: alice@acme.example, role: owner}, {user: bob, role: developer}]\n" +
		"stages: [{name: dev, branch: main}]\nservices: {web: {image: \"web:1\"}}\n"
	mistaken = inForce + "surprise: true\n"
)

// fixture is a reconciler of the project shop: the file of commit "base" is in
// force, and pull request 7 from cart to main has the commit "head".
type fixture struct {
	*Reconciler
	host    *host
	pulls   *pulls
	sources *sources
	sink    *sink
	log     bytes.Buffer
}

func shopProject(change func(*v1alpha1.Project)) *v1alpha1.Project {
	p := &v1alpha1.Project{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop"},
		Spec:       v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Name: "main", Path: "acme/shop"}}},
		Status:     v1alpha1.ProjectStatus{FileCommit: "base"},
	}
	if change != nil {
		change(p)
	}
	return p
}

func stage(name, ref string) *v1alpha1.Stage {
	return &v1alpha1.Stage{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "shop-" + name},
		Spec:       v1alpha1.StageSpec{Project: "shop", Name: name, Ref: ref},
		Status:     v1alpha1.StageStatus{Phase: v1alpha1.PhaseBuilding, Attempted: "head"},
	}
}

func newFixture(t *testing.T, objects ...client.Object) *fixture {
	t.Helper()
	return newFixtureWith(kubefake.New(t, objects...))
}

func newFixtureWith(c client.Client) *fixture {
	f := &fixture{
		host:    &host{client: forge.NewClient(struct{ scm.Reporter }{})},
		pulls:   &pulls{open: []scm.PullRequest{{Number: 7, Head: scm.Side{Ref: "refs/heads/cart", Commit: "head"}}}},
		sources: &sources{files: map[string]string{"base": inForce, "head": inForce}},
		sink:    &sink{},
	}
	f.Reconciler = New(Reconciler{Client: c, Forges: f.host, Sources: f.sources, Pulls: f.pulls, Sinks: f.sink, Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }, Log: slog.New(slog.NewTextHandler(&f.log, nil))})
	return f
}

// look reconciles the project and wants no error.
func (f *fixture) look(t *testing.T) {
	t.Helper()
	if result, err := f.Reconcile(t.Context(), shop); err != nil || result.RequeueAfter != 0 {
		t.Fatalf("%v, %v", result, err)
	}
}
