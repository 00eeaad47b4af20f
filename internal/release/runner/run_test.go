package runner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
	"github.com/slipway-dev/slipway/internal/render"
)

const file = `version: 1
project: shop
members:
  - {user: alice, role: owner}
  - {user: bob, role: viewer}
stages:
  - {name: production, branch: main}
services:
  web:
    build: {context: web}
    port: 8080
  cache:
    image: cache:1
    port: 6379
`

// world is everything around a release, kept in memory, and outlives runs as
// the real one does.
type world struct {
	t        *testing.T
	host     string
	registry *build.Registry

	jobs      map[string]int // builds by hash
	running   map[string]int // looks until a build has ended, by Job
	status    v1alpha1.ReleaseStatus
	bundles   map[string][]byte
	applied   []byte
	applies   int
	pruned    int
	waits     []string // what the condition said while it waited
	unready   error
	restarts  []string // marks
	deadlines map[string]time.Duration
	descends  map[string]bool // commit+ancestor
	refused   error           // of the next apply
	taken     []string

	file   string   // instead of the usual one
	read   []string // commits whose file was read
	opened int      // trees

	writes int
	stop   func() // called after write number stopAt
	stopAt int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	w := &world{t: t, host: strings.TrimPrefix(server.URL, "http://"), jobs: map[string]int{}, bundles: map[string][]byte{}}
	for _, image := range []string{"base:1", "cache:1"} {
		w.image(w.host + "/library/" + image)
	}
	reg, err := build.NewRegistry(build.Options{
		Insecure: []string{w.host}, Mirrors: []string{w.host + "/"}, Transport: http.DefaultTransport, TTL: time.Minute, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.registry = reg
	return w
}

// image pushes an image and returns its digest.
func (w *world) image(ref string) string {
	w.t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	tag, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		w.t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		w.t.Fatal(err)
	}
	return digest.String()
}

func (w *world) order(actor string) release.Inputs {
	commit := strings.Repeat("a", 40)
	return release.Inputs{
		Organization: "acme",
		Project:      &v1alpha1.Project{},
		Cluster:      &v1alpha1.Cluster{Spec: v1alpha1.ClusterSpec{Ingress: v1alpha1.Ingress{Domain: "apps.example"}}},
		Stage:        &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Project: "shop", Name: "production", Rule: "production", Ref: "refs/heads/main", Namespace: "sw-acme-shop-production"}},
		Release: &v1alpha1.Release{
			Spec:   v1alpha1.ReleaseSpec{Sequence: 1, Head: v1alpha1.Head{Commit: commit, FileCommit: commit, Actor: actor}},
			Status: *w.status.DeepCopy(),
		},
		Target: w, Claims: w,
		Builds: release.ImageBuilds{
			Registry: w.registry, Builder: w, Executor: "kaniko@sha256:1",
			Request: build.Request{Repository: w.host + "/acme/shop", Platform: "linux/amd64", Namespace: "swb-acme-shop", Insecure: true},
		},
	}
}

func (w *world) runner() *runner.Runner {
	return &runner.Runner{
		Sources: w, Renderer: renderer{}, Bundles: w,
		Policy:             func(o release.Inputs) guard.Policy { return guard.Policy{Namespace: o.Stage.Spec.Namespace} },
		UnavailableTimeout: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
}

// run runs the release once more with what is durable of it.
func (w *world) run(ctx context.Context, actor string) error {
	return w.runner().Run(ctx, w.order(actor), w, nil)
}

// renderer renders in the test's own process.
type renderer struct{}

func (renderer) Render(ctx context.Context, tree fs.FS, request render.Request) (render.Result, error) {
	request.Organization, request.Project = "acme", "shop"
	files, err := render.Collect(ctx, tree, request, render.DefaultLimits())
	if err != nil {
		return render.Result{}, err
	}
	return render.Render(ctx, request, files)
}

// tree is a commit's tree with ids made of names.
type tree struct{ fstest.MapFS }

func (tree) Hash(path string) (string, error) { return hex.EncodeToString([]byte(path)), nil }

func (w *world) File(_ context.Context, _ *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error) {
	w.read = append(w.read, head.FileCommit)
	text := w.file
	if text == "" {
		text = file
	}
	document, err := projectfile.Parse("slipway.yaml", []byte(text))
	return document, "id", err
}

func (w *world) Open(context.Context, *v1alpha1.Project, string, string) (release.Snapshot, error) {
	w.opened++
	return release.Snapshot{Repository: "main", Commit: strings.Repeat("a", 40), Tree: tree{fstest.MapFS{
		"slipway.yaml":   {Data: []byte(file)},
		"web/Dockerfile": {Data: []byte("FROM base:1\nRUN true\n")},
	}}}, nil
}

func (w *world) Descends(_ context.Context, _ *v1alpha1.Project, commit, ancestor string) (bool, error) {
	return commit == ancestor || w.descends[commit+" "+ancestor], nil
}

func (w *world) Grant(release.Inputs, release.Snapshot, string) (build.Source, error) {
	return build.Source{URL: "http://slipway/source", Token: "token"}, nil
}

func (w *world) Ensure(_ context.Context, r build.Request) (build.State, error) {
	if w.jobs[r.Hash] == 0 {
		w.jobs[r.Hash]++
		w.image(r.Repository + ":" + r.Hash)
		return build.State{Phase: build.Running, Job: build.Job{Name: "build-1"}}, nil
	}
	return build.State{Phase: build.Succeeded, Job: build.Job{Name: "build-1"}}, nil
}

func (w *world) Logs(context.Context, build.Job, bool) (io.ReadCloser, error) {
	return nil, errors.New("no logs")
}
func (w *world) Look(_ context.Context, job build.Job) (build.State, error) {
	if left := w.running[job.Name]; left > 0 {
		w.running[job.Name]--
		return build.State{Phase: build.Running, Job: job}, nil
	}
	return build.State{}, fault.New(fault.NotFound, "no such build")
}
func (w *world) Cancel(context.Context, build.Job) error { return nil }

func (w *world) Put(_ context.Context, _ release.Inputs, manifests []byte) (string, string, error) {
	sum := sha256.Sum256(manifests)
	digest := hex.EncodeToString(sum[:])
	w.bundles[digest] = manifests
	return "bundle-" + digest, digest, nil
}

func (w *world) Get(_ context.Context, _ release.Inputs, _, digest string) ([]byte, error) {
	return w.bundles[digest], nil
}

func (w *world) Prepare(context.Context, bool) error { return nil }

func (w *world) Claim(_ context.Context, hosts []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !slices.Contains(w.taken, host) }), nil
}
func (w *world) Provide(context.Context, release.Secrets) error { return nil }

func (w *world) Apply(_ context.Context, manifests []byte) (v1alpha1.Changes, error) {
	w.applies++
	if err := w.refused; err != nil {
		w.refused = nil
		return v1alpha1.Changes{}, err
	}
	if string(manifests) == string(w.applied) {
		return v1alpha1.Changes{Unchanged: 4}, nil
	}
	w.applied = manifests
	return v1alpha1.Changes{Created: 4}, nil
}

func (w *world) Restart(_ context.Context, _ []byte, _ []string, mark string) error {
	w.restarts = append(w.restarts, mark)
	return nil
}

func (w *world) Verify(ctx context.Context, deadlines map[string]time.Duration, progress func([]v1alpha1.ServiceStatus)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.deadlines = deadlines
	progress([]v1alpha1.ServiceStatus{{Name: "web", Ready: 1, Wanted: 1}})
	return w.unready
}

func (w *world) Prune(context.Context) (int32, error) { w.pruned++; return 1, nil }

func (w *world) Write(ctx context.Context, status v1alpha1.ReleaseStatus) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.status = *status.DeepCopy()
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionWaiting); c != nil {
		w.waits = append(w.waits, c.Reason+": "+c.Message+" / "+status.Message)
	}
	w.writes++
	if w.writes == w.stopAt {
		w.stop()
	}
	return nil
}

func (w *world) Observe(context.Context, []v1alpha1.ServiceStatus) error { return nil }

func TestReleaseGoesLive(t *testing.T) {
	w := newWorld(t)
	if err := w.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	s := w.status
	if s.Phase != v1alpha1.PhaseSucceeded || s.Built != 1 || s.Changes.Created != 4 || s.Changes.Pruned != 1 {
		t.Fatalf("status: %+v", s)
	}
	if len(s.Services) != 2 || s.Services[0].Name != "cache" || !strings.Contains(s.Services[0].Image, "@sha256:") || !strings.Contains(s.Services[1].Image, "/acme/shop@sha256:") {
		t.Errorf("services: %+v", s.Services)
	}
	if !strings.Contains(string(w.applied), s.Services[1].Image) {
		t.Errorf("the built image %s is not in the manifests", s.Services[1].Image)
	}
}

// A server that stops after any write goes on where it was: one build, the
// same manifests, one release.
func TestRunGoesOnAfterEveryWrite(t *testing.T) {
	whole := newWorld(t)
	if err := whole.run(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for n := 1; n < whole.writes; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			w.stop, w.stopAt = cancel, n
			if err := w.run(ctx, "alice"); !errors.Is(err, context.Canceled) {
				t.Fatalf("stopped run: err = %v", err)
			}
			if w.status.Phase.Done() {
				t.Fatalf("a stopped server ended the release: %s", w.status.Phase)
			}
			if err := w.run(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			if w.status.Phase != v1alpha1.PhaseSucceeded || w.status.Built != 1 {
				t.Errorf("phase %s, built %d: %s", w.status.Phase, w.status.Built, w.status.Message)
			}
			for hash, times := range w.jobs {
				if times != 1 {
					t.Errorf("input %s was built %d times", hash, times)
				}
			}
		})
	}
	if whole.writes < 4 {
		t.Errorf("a release wrote only %d times: nothing was interrupted", whole.writes)
	}
}

func TestReleaseEnds(t *testing.T) {
	tests := map[string]struct {
		actor   string
		change  func(*world)
		phase   v1alpha1.Phase
		cause   string
		message string
	}{
		"held":       {"bob", func(*world) {}, v1alpha1.PhaseHeld, "", "bob has the role viewer"},
		"not ready":  {"alice", func(w *world) { w.unready = &release.Failure{Cause: "CrashLoop", Message: "web crashes: boom"} }, v1alpha1.PhaseFailed, "CrashLoop", "web crashes: boom"},
		"refused":    {"alice", func(w *world) { w.refused = fault.New(fault.Denied, "the quota is used up") }, v1alpha1.PhaseFailed, "ApplyFailed", "the quota is used up"},
		"internal":   {"alice", func(w *world) { w.refused = errors.New("secret detail") }, v1alpha1.PhaseFailed, "ApplyFailed", "an internal error"},
		"comes back": {"alice", func(w *world) { w.refused = fault.New(fault.Unavailable, "the API server is away") }, v1alpha1.PhaseSucceeded, "", "live"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.change(w)
			if err := w.run(t.Context(), tt.actor); err != nil {
				t.Fatal(err)
			}
			if w.status.Phase != tt.phase || w.status.Cause != tt.cause || !strings.Contains(w.status.Message, tt.message) {
				t.Errorf("got %s %q %q, want %s %q %q", w.status.Phase, w.status.Cause, w.status.Message, tt.phase, tt.cause, tt.message)
			}
			if tt.phase != v1alpha1.PhaseSucceeded && w.pruned != 0 {
				t.Error("something was pruned although the release did not succeed")
			}
			if tt.phase == v1alpha1.PhaseHeld && len(w.jobs) != 0 {
				t.Error("something was built for a release that nobody allowed")
			}
		})
	}
}

func TestSupersededReleaseStops(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	w.stop, w.stopAt = func() { cancel(release.ErrSuperseded) }, 1
	if err := w.run(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	if w.status.Phase != v1alpha1.PhaseSuperseded || w.applies != 0 {
		t.Errorf("phase %s after %d applies, want Superseded before any", w.status.Phase, w.applies)
	}
}
