//go:build integration

package bench

import (
	"bytes"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/git"
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
	mirrors  *git.Mirrors
	remote   git.Remote
	requests []render.Request
	client   *kubernetes.Clientset
}

func newFloor(b *testing.B, y *yard) *floor {
	b.Helper()
	document, err := projectfile.Parse(project.FileName, []byte(repository(y.scenario)[project.FileName]))
	if err != nil {
		b.Fatal(err)
	}
	f := &floor{
		mirrors: git.NewMirrors(b.TempDir(), git.DefaultLimits()),
		remote: git.Remote{
			URL: world.Forge.CloneURL(y.Path), AllowHTTP: true, Credentials: git.Credentials{Token: servertest.ForgeToken},
		},
		client: world.Plane.Client(b),
	}
	b.Cleanup(f.mirrors.Close)
	for _, touched := range y.scenario.touched {
		rule, _ := document.File.Stage(touched.rule)
		namespace := naming.Namespace("floor-"+y.Organization, y.Name, touched.stage)
		f.requests = append(f.requests, release.RenderRequest(document.Effective(rule.Name), rule, release.Place{
			Organization: "floor-" + y.Organization, Project: y.Name, Stage: touched.stage, Namespace: namespace,
		}))
		_, err := f.client.CoreV1().Namespaces().Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
		if err != nil {
			b.Fatal(err)
		}
	}
	if _, err := f.mirrors.Fetch(b.Context(), "floor", f.remote); err != nil {
		b.Fatal(err)
	}
	return f
}

// run brings a commit to the floor's namespaces and returns how long it took.
func (f *floor) run(b *testing.B, commit string) time.Duration {
	b.Helper()
	began := time.Now()
	if _, err := f.mirrors.Fetch(b.Context(), "floor", f.remote); err != nil {
		b.Fatal(err)
	}
	tree, err := f.mirrors.Tree(b.Context(), "floor", commit)
	if err != nil {
		b.Fatal(err)
	}
	var group sync.WaitGroup
	places := make(chan struct{}, concurrency)
	for _, request := range f.requests {
		files, err := render.Collect(b.Context(), tree, request, render.DefaultLimits())
		if err != nil {
			b.Fatal(err)
		}
		result, err := render.Render(b.Context(), request, files)
		if err != nil {
			b.Fatal(err)
		}
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			f.patch(b, request.Namespace, changed(result.Manifests))
		})
	}
	group.Wait()
	return time.Since(began)
}

// changed returns the one document that the pushes change.
func changed(manifests []byte) []byte {
	for document := range bytes.SplitSeq(manifests, []byte("---\n")) {
		if bytes.Contains(document, []byte("greeting:")) {
			return document
		}
	}
	return nil
}

func (f *floor) patch(b *testing.B, namespace string, document []byte) {
	err := f.client.CoreV1().RESTClient().Patch(types.ApplyPatchType).Namespace(namespace).Resource("configmaps").Name("settings").
		Param("fieldManager", "floor").Body(document).Do(b.Context()).Error()
	if err != nil {
		b.Error(err)
	}
}
