//go:build integration

package convergence

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/naming"
)

// point is one thing that a push makes the server write. The server is killed
// before the write arrives, and in another round after it was done and before
// the server knows.
type point struct {
	name string
	verb string
	path string // what the path holds
	body string // what the body holds; empty: anything
}

// points are in the order in which a push comes by.
func points() []point {
	status := func(phase v1alpha1.Phase) string { return `"phase":"` + string(phase) + `"` }
	return []point{
		{"delivery is kept", http.MethodPost, "/deliveries", ""},
		{"stage learns its head", http.MethodPatch, "/stages/shop-main", `"op":"replace"`},
		{"release is made", http.MethodPost, "/releases", ""},
		{"project says it is synced", http.MethodPatch, "/projects/shop/status", ""},
		{"delivery is done", http.MethodPatch, "/deliveries/", `"phase":"Done"`},
		{"stage shows its release", http.MethodPatch, "/stages/shop-main/status", `"attempted"`},
		{"release is building", http.MethodPatch, "/releases/", status(v1alpha1.PhaseBuilding)},
		{"build is ordered", http.MethodPost, "/jobs", ""},
		{"build gets its token", http.MethodPost, "/namespaces/swb-points-shop/secrets", ""},
		{"bundle is kept", http.MethodPost, "/namespaces/slipway-org-points/secrets", "bundle-"},
		{"release is applying", http.MethodPatch, "/releases/", status(v1alpha1.PhaseApplying)},
		{"settings are applied", http.MethodPatch, "/namespaces/sw-points-shop-main/configmaps/settings", ""},
		{"workload is applied", http.MethodPatch, "/namespaces/sw-points-shop-main/deployments/web", ""},
		{"inventory is written", http.MethodPut, "/configmaps/inventory-shop-main", ""},
		{"release is verifying", http.MethodPatch, "/releases/", status(v1alpha1.PhaseVerifying)},
		{"what is gone is pruned", http.MethodDelete, "/namespaces/sw-points-shop-main/configmaps/extra", ""},
		{"release succeeded", http.MethodPatch, "/releases/", status(v1alpha1.PhaseSucceeded)},
		{"stage is live", http.MethodPatch, "/stages/shop-main/status", `"good"`},
		{"forge is told", http.MethodPatch, "/releases/", `"reported":"Succeeded"`},
	}
}

func (p point) is(passing servertest.Passing) bool {
	return passing.Verb == p.verb && strings.Contains(passing.Path, p.path) && strings.Contains(passing.Body, p.body)
}

// TestKilledAtEveryPoint pushes once per point, kills the server there, and
// wants the push live after the next start, everything done once. A single
// round takes turns between before and after, more rounds do both.
func TestKilledAtEveryPoint(t *testing.T) {
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	h := startServer(t)
	startNode(t)
	fx := newFixture(t, h, p, "points")
	fx.push(t, "start", "extra-start")
	fx.settle(t)
	for round := range *rounds {
		for i, point := range points() {
			for _, after := range []bool{false, true} {
				if *rounds == 1 && after == (i%2 == 0) {
					continue
				}
				name := map[bool]string{false: "before ", true: "after "}[after] + point.name
				t.Run(fmt.Sprintf("%s/%d", name, round), func(t *testing.T) { fx.killAt(t, point, after) })
			}
		}
	}
	if err := fx.suspend(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestKilledInAFetch kills the server when so many bytes of a push have come
// from git, and wants the push live after the next start, from a mirror that
// the next process finds as the last one left it.
func TestKilledInAFetch(t *testing.T) {
	l := newLinks(t)
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	h := startLinkedServer(t, l)
	startNode(t)
	fx := newFixture(t, h, p, "fetches")
	fx.pushNoise(t, "start")
	fx.settle(t)
	for round := range *rounds {
		for _, after := range []int{1, 300, 1_000, 5_000, 50_000, 140_000} {
			t.Run(fmt.Sprintf("after %d bytes/%d", after, round), func(t *testing.T) { fx.killInFetch(t, l.git, after) })
		}
	}
	if err := fx.suspend(t.Context()); err != nil {
		t.Error(err)
	}
}

// pushNoise pushes a file that git can't send in less than 150 kB.
func (fx *fixture) pushNoise(t *testing.T, greeting string) string {
	t.Helper()
	noise := make([]byte, 150_000)
	_, _ = rand.NewChaCha8([32]byte{byte(fx.pushes), byte(fx.pushes >> 8)}).Read(noise)
	files := shop(fx.Name, greeting, "")
	files["web/noise.txt"] = hex.EncodeToString(noise)
	return fx.pushFiles(t, greeting, files)
}

// killInFetch kills the server when git has sent so many bytes of a push.
func (fx *fixture) killInFetch(t *testing.T, git *servertest.Link, after int) {
	fx.pushes++
	seen := fx.observe(t)
	before := seen.generation(t)
	killed := make(chan struct{})
	err := git.Set(servertest.Mood{After: after, Cut: func() {
		fx.kill()
		close(killed)
	}})
	if err != nil {
		t.Fatal(err)
	}
	commit := fx.pushNoise(t, fmt.Sprintf("push %d", fx.pushes))
	select {
	case <-killed:
	case <-time.After(patience):
		t.Fatalf("git never sent %d bytes\n%s", after, output.about(fx.Namespace))
	}
	if err := git.Set(servertest.Mood{}); err != nil {
		t.Fatal(err)
	}
	if err := fx.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fx.settle(t)
	seen.stop()
	seen.once(t, commit, before)
}

// fixture is a project that is pushed to again and again.
type fixture struct {
	*team
	*harness
	pushes int
}

// newFixture makes the project of an organization of its own.
func newFixture(t *testing.T, h *harness, p *post, organization string) *fixture {
	t.Helper()
	if err := world.Organization(t.Context(), organization); err != nil {
		t.Fatal(err)
	}
	team, err := join(t.Context(), organization, "shop", 1, p)
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{team: team, harness: h}
}

// settle waits until the project is what its refs say. The deliveries so far
// are not asked for again: a project keeps some, not all that ever came.
func (fx *fixture) settle(t *testing.T) {
	t.Helper()
	if err := fx.converges(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, output.about(fx.Namespace))
	}
	clear(fx.accepted)
}

// push pushes and delivers. The forge counts an answer as acknowledged.
func (fx *fixture) push(t *testing.T, greeting, extra string) string {
	t.Helper()
	return fx.pushFiles(t, greeting, shop(fx.Name, greeting, extra))
}

func (fx *fixture) pushFiles(t *testing.T, greeting string, files map[string]string) string {
	t.Helper()
	commit, err := world.Forge.Push(fx.Path, "main", files, greeting, "dev")
	if err != nil {
		t.Fatal(err)
	}
	fx.model.set("refs/heads/main", commit)
	fx.model.said[commit], fx.model.tier[commit] = greeting, "first"
	fx.dispatch(t.Context(), Step{Copies: 1})
	return commit
}

// killAt kills the server at one point of one push.
func (fx *fixture) killAt(t *testing.T, p point, after bool) {
	fx.pushes++
	seen := fx.observe(t)
	before := seen.generation(t)
	fired := make(chan struct{})
	var once sync.Once
	fx.gate.Watch(func(passing servertest.Passing) bool {
		if !p.is(passing) || after != (passing.Code != 0) {
			return true
		}
		once.Do(func() {
			fx.kill()
			close(fired)
		})
		return false
	})
	greeting := fmt.Sprintf("push %d", fx.pushes)
	commit := fx.push(t, greeting, fmt.Sprintf("extra-%d", fx.pushes))
	select {
	case <-fired:
	case <-time.After(patience):
		t.Fatalf("the server never came to the point\n%s", output.about(fx.Namespace))
	}
	fx.gate.Watch(nil)
	if err := fx.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	fx.settle(t)
	seen.stop()
	seen.once(t, commit, before)
}

// observed is what happened in the project's namespaces during one push.
type observed struct {
	fixture *fixture
	watches []watch.Interface
	wait    sync.WaitGroup

	mu   sync.Mutex
	jobs map[string]bool // by UID, those that were made
	said []string        // what the settings said, one after the other
}

// observe watches settings and builds from now on.
func (fx *fixture) observe(t *testing.T) *observed {
	t.Helper()
	o := &observed{fixture: fx, jobs: map[string]bool{}}
	namespace, builds := naming.Namespace(fx.Organization, fx.Name, "main"), naming.BuildNamespace(fx.Organization, fx.Name)
	for list, in := range map[client.ObjectList]string{&corev1.ConfigMapList{}: namespace, &batchv1.JobList{}: builds} {
		if err := world.Client.List(t.Context(), list, client.InNamespace(in)); err != nil {
			t.Fatal(err)
		}
		options := &client.ListOptions{Namespace: in}
		options.Raw = rawFrom(list)
		w, err := world.Client.Watch(context.WithoutCancel(t.Context()), list, options)
		if err != nil {
			t.Fatal(err)
		}
		o.watches = append(o.watches, w)
		o.wait.Go(func() {
			for event := range w.ResultChan() {
				o.note(event)
			}
		})
	}
	return o
}

func (o *observed) note(event watch.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch object := event.Object.(type) {
	case *batchv1.Job:
		if event.Type == watch.Added {
			o.jobs[string(object.UID)] = true
		}
	case *corev1.ConfigMap:
		if object.Name == "settings" {
			o.said = append(o.said, string(event.Type)+" "+object.Data["greeting"])
		}
	}
}

// stop ends the watches after what has happened has arrived.
func (o *observed) stop() {
	time.Sleep(50 * time.Millisecond)
	for _, w := range o.watches {
		w.Stop()
	}
	o.wait.Wait()
}

// generation is how often the workload's order changed, ever.
func (o *observed) generation(t *testing.T) int64 {
	t.Helper()
	var web appsv1.Deployment
	key := client.ObjectKey{Namespace: naming.Namespace(o.fixture.Organization, o.fixture.Name, "main"), Name: "web"}
	if err := world.Client.Get(t.Context(), key, &web); err != nil {
		t.Fatal(err)
	}
	return web.Generation
}

// once wants one build, one change of each object and one release of a commit.
func (o *observed) once(t *testing.T, commit string, generation int64) {
	t.Helper()
	if len(o.jobs) != 1 {
		t.Errorf("%d builds were made, want 1", len(o.jobs))
	}
	if len(o.said) != 1 {
		t.Errorf("the settings changed %d times, want once: %q", len(o.said), o.said)
	}
	if now := o.generation(t); now != generation+1 {
		t.Errorf("the workload went from generation %d to %d, want one more", generation, now)
	}
	releases, err := world.Releases(t.Context(), o.fixture.Project, "main")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, release := range releases {
		if release.Spec.Head.Commit == commit {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d releases of the commit, want 1", count)
	}
}
