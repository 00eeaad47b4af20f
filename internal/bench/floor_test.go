//go:build integration

package bench

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/mirror"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// concurrency is how many requests the floor has under way, as the server.
const concurrency = 16

// floor does the least about a push: fetch what is new into a warm mirror,
// render what changed in this very process, and send one PATCH per changed
// object. It keeps nothing and checks nothing. Renders follow each other,
// because Kustomize is not safe for concurrent use, but the requests of one
// stage go out while the next is rendered.
type floor struct {
	fixture  *fixture
	document *projectfile.Document
	mirrors  *mirror.Store
	remote   git.Remote
	client   *kubernetes.Clientset
}

func newFloor(b *testing.B, fx *fixture) *floor {
	b.Helper()
	document, err := projectfile.Parse(project.FileName, []byte(fx.scenario.files[project.FileName]))
	if err != nil {
		b.Fatal(err)
	}
	f := &floor{
		fixture: fx, document: document,
		mirrors: mirror.NewStore(b.TempDir(), git.DefaultLimits(), dial.Unrestricted()),
		remote: git.Remote{
			URL: world.Forge.CloneURL(fx.Path), AllowHTTP: true, Credentials: git.Credentials{Token: servertest.ForgeToken},
		},
		client: world.Plane.Client(b),
	}
	b.Cleanup(f.mirrors.Close)
	f.fetch(b)
	f.prepare(b, fx.scenario.push(0))
	return f
}

// prepare makes the namespaces that the floor needs for a push.
func (f *floor) prepare(b *testing.B, p push) {
	b.Helper()
	for _, t := range p.touched {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace(t)}}
		_, err := f.client.CoreV1().Namespaces().Create(b.Context(), namespace, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			b.Fatal(err)
		}
	}
}

func (f *floor) namespace(t target) string {
	return naming.Namespace("floor-"+f.fixture.Organization, f.fixture.Name, t.stage)
}

func (f *floor) fetch(b *testing.B) time.Duration {
	b.Helper()
	began := time.Now()
	if _, err := f.mirrors.Fetch(b.Context(), "floor", f.remote); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// run brings a commit to the floor's namespaces and returns how long it took.
func (f *floor) run(b *testing.B, commit string, p push) time.Duration {
	b.Helper()
	began := time.Now()
	f.fetch(b)
	tree, err := f.mirrors.Tree(b.Context(), "floor", commit)
	if err != nil {
		b.Fatal(err)
	}
	var group sync.WaitGroup
	places := make(chan struct{}, concurrency)
	for _, t := range p.touched {
		request := f.request(t)
		files, err := render.Collect(b.Context(), tree, request, render.DefaultLimits())
		if err != nil {
			b.Fatal(err)
		}
		result, err := render.Render(b.Context(), request, files)
		if err != nil {
			b.Fatal(err)
		}
		for document := range strings.SplitSeq(string(result.Manifests), "---\n") {
			if !strings.Contains(document, "kind: ConfigMap") || !p.patches(document) {
				continue
			}
			group.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				f.patch(b, request.Namespace, document)
			})
		}
	}
	group.Wait()
	return time.Since(began)
}

func (f *floor) request(t target) render.Request {
	rule, _ := f.document.File.Stage(t.rule)
	return release.RenderRequest(f.document, f.document.Effective(rule.Name), rule, release.Place{
		Organization: "floor-" + f.fixture.Organization, Project: f.fixture.Name, Stage: t.stage, Namespace: f.namespace(t),
	})
}

// nameLine is the line of a rendered document that names its object.
var nameLine = regexp.MustCompile(`(?m)^  name: (\S+)$`)

func (f *floor) patch(b *testing.B, namespace, document string) {
	name := nameLine.FindStringSubmatch(document)
	if name == nil {
		b.Errorf("a rendered document names no object:\n%s", document)
		return
	}
	err := f.client.CoreV1().RESTClient().Patch(types.ApplyPatchType).Namespace(namespace).Resource("configmaps").Name(name[1]).
		Param("fieldManager", "floor").Body([]byte(document)).Do(b.Context()).Error()
	if err != nil {
		b.Error(err)
	}
}
