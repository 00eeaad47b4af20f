package runner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/fingerprint"
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

// fixture is everything around a release, kept in memory, and outlives runs as
// the real one does.
type fixture struct {
	t        *testing.T
	host     string
	registry *build.Registry

	jobs         map[string]int // builds by hash
	granted      scope.Scope    // of the last build
	executor     string         // that builds images; empty for the usual one
	running      map[string]int // looks until a build has ended, by Job
	status       v1alpha1.ReleaseStatus
	bundles      map[string][]byte
	fingerprints map[string]*fingerprint.Fingerprint
	applied      []byte
	applies      int
	rests        bool // what was applied last
	pruned       int
	waits        []string // messages of the condition while it waited
	unready      error
	restarts     []string // marks
	deadlines    map[string]time.Duration
	descends     map[string]bool // commit+ancestor
	refused      error           // of the next apply
	taken        []string

	files  map[string]string // by commit, where it is another
	file   string            // instead of the usual one
	more   map[string]string // files of the commit besides the usual ones
	read   []string          // commits whose file was read
	opened int               // trees

	log    recorder
	writes int
	stop   func() // called after write number stopAt
	stopAt int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	f := &fixture{t: t, host: strings.TrimPrefix(server.URL, "http://"), jobs: map[string]int{}, bundles: map[string][]byte{}, fingerprints: map[string]*fingerprint.Fingerprint{}}
	for _, image := range []string{"base:1", "cache:1"} {
		f.image(f.host + "/library/" + image)
	}
	reg, err := build.NewRegistry(build.Options{
		Insecure: []string{f.host}, Mirrors: []string{f.host + "/"}, Transport: http.DefaultTransport, TTL: time.Minute, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.registry = reg
	return f
}

// image pushes an image and returns its digest.
func (f *fixture) image(ref string) string {
	f.t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		f.t.Fatal(err)
	}
	tag, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		f.t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		f.t.Fatal(err)
	}
	return digest.String()
}

func (f *fixture) inputs(actor string) release.Inputs {
	commit := strings.Repeat("a", 40)
	return release.Inputs{
		Organization: "acme",
		Project: &v1alpha1.Project{
			Spec:   v1alpha1.ProjectSpec{Repositories: []v1alpha1.Repository{{Name: "main", URL: "https://git.example/acme/shop.git"}}},
			Status: v1alpha1.ProjectStatus{File: &v1alpha1.FileInForce{Commit: strings.Repeat("f", 40)}},
		},
		Cluster: &v1alpha1.Cluster{Spec: v1alpha1.ClusterSpec{Ingress: v1alpha1.Ingress{Domain: "apps.example"}}},
		Stage:   &v1alpha1.Stage{Spec: v1alpha1.StageSpec{Project: "shop", Name: "production", Rule: "production", Ref: "refs/heads/main", Namespace: "sw-acme-shop-production"}},
		Release: &v1alpha1.Release{
			Spec:   v1alpha1.ReleaseSpec{Sequence: 1, Head: v1alpha1.Head{Commit: commit, FileCommit: commit, Actor: actor}},
			Status: *f.status.DeepCopy(),
		},
		Target: f, Claims: f,
		Builds: release.ImageBuilds{
			Registry: f.registry, Builder: f, Executor: "kaniko@sha256:1",
			Request: build.Request{Repository: f.host + "/acme/shop", Platform: "linux/amd64", Namespace: "swb-acme-shop", Insecure: true},
		},
	}
}

func (f *fixture) runner() *runner.Runner {
	r := &runner.Runner{
		Sources: f, Refs: f, Renderer: renderer{}, Bundles: f,
		Policy:             func(o release.Inputs) guard.Policy { return guard.Policy{Namespace: o.Stage.Spec.Namespace} },
		UnavailableTimeout: time.Minute, Now: time.Now, Log: slog.New(&f.log),
	}
	r.PollBuildsEvery(time.Millisecond)
	return r
}

// run runs the release once more with what is durable of it.
func (f *fixture) run(ctx context.Context, actor string) error {
	return f.runner().Run(ctx, f.inputs(actor), f, nil)
}

// recorder keeps the level and message of what is logged.
type recorder struct {
	mu    sync.Mutex
	lines []string
}

func (*recorder) Enabled(context.Context, slog.Level) bool { return true }

func (r *recorder) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, record.Level.String()+" "+record.Message)
	return nil
}

func (r *recorder) WithAttrs([]slog.Attr) slog.Handler { return r }

func (r *recorder) WithGroup(string) slog.Handler { return r }

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

func (f *fixture) File(_ context.Context, _ *v1alpha1.Project, head v1alpha1.Head) (*projectfile.Document, string, error) {
	f.read = append(f.read, head.FileCommit)
	text := f.file
	if own, found := f.files[head.FileCommit]; found {
		text = own
	}
	if text == "" {
		text = file
	}
	document, err := projectfile.Parse("slipway.yaml", []byte(text))
	return document, "id", err
}

func (f *fixture) OpenSecondary(ctx context.Context, p *v1alpha1.Project, head v1alpha1.Head, _, _ string) (release.Snapshot, error) {
	return f.Open(ctx, p, nil, head.Commit)
}

func (f *fixture) Open(context.Context, *v1alpha1.Project, *v1alpha1.Stage, string) (release.Snapshot, error) {
	f.opened++
	files := map[string]gittest.File{
		"slipway.yaml":   {Data: file},
		"web/Dockerfile": {Data: "FROM base:1\nRUN true\n"},
	}
	for name, data := range f.more {
		files[name] = gittest.File{Data: data}
	}
	return release.Snapshot{Repository: "main", Commit: strings.Repeat("a", 40), Tree: gittest.NewTree(f.t, files, nil)}, nil
}

// Head implements runner.Refs: the ref is at the commit "n".
func (f *fixture) Head(context.Context, *v1alpha1.Project, string) (string, error) {
	return strings.Repeat("n", 40), nil
}

func (f *fixture) Descends(_ context.Context, _ *v1alpha1.Project, commit, ancestor string) (bool, error) {
	return commit == ancestor || f.descends[commit+" "+ancestor], nil
}

func (f *fixture) Grant(_ release.Inputs, _ release.Snapshot, _ string, read scope.Scope) (build.Source, error) {
	f.granted = read
	return build.Source{URL: "http://slipway/source", Token: "token"}, nil
}

func (f *fixture) Ensure(_ context.Context, r build.Request) (build.State, error) {
	if f.jobs[r.Hash] == 0 {
		f.jobs[r.Hash]++
		f.image(r.Repository + ":" + r.Hash)
		return build.State{Phase: build.Running, Job: build.Job{Name: "build-1"}}, nil
	}
	return build.State{Phase: build.Succeeded, Job: build.Job{Name: "build-1"}}, nil
}

func (f *fixture) Logs(context.Context, build.Job, bool) (io.ReadCloser, error) {
	return nil, errors.New("no logs")
}
func (f *fixture) Look(_ context.Context, job build.Job) (build.State, error) {
	if left := f.running[job.Name]; left > 0 {
		f.running[job.Name]--
		return build.State{Phase: build.Running, Job: job}, nil
	}
	return build.State{}, fault.New(fault.NotFound, "no such build")
}
func (f *fixture) Cancel(context.Context, build.Job) error { return nil }

func (f *fixture) Put(_ context.Context, _ release.Inputs, manifests []byte, from *fingerprint.Fingerprint) (string, string, error) {
	sum := sha256.Sum256(manifests)
	digest := hex.EncodeToString(sum[:])
	f.bundles[digest] = manifests
	f.fingerprints["bundle-"+digest] = from
	return "bundle-" + digest, digest, nil
}

func (f *fixture) Fingerprint(_ context.Context, _ release.Inputs, name string) (*fingerprint.Fingerprint, error) {
	return f.fingerprints[name], nil
}

func (f *fixture) Get(_ context.Context, _ release.Inputs, _, digest string) ([]byte, error) {
	return f.bundles[digest], nil
}

func (f *fixture) Prepare(context.Context, bool) error { return nil }

func (f *fixture) Claim(_ context.Context, hosts []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return !slices.Contains(f.taken, host) }), nil
}
func (f *fixture) Provide(context.Context, release.Secrets) error { return nil }

func (f *fixture) Apply(_ context.Context, manifests []byte, rests bool) (v1alpha1.Changes, error) {
	f.applies++
	f.rests = rests
	if err := f.refused; err != nil {
		f.refused = nil
		return v1alpha1.Changes{}, err
	}
	if string(manifests) == string(f.applied) {
		return v1alpha1.Changes{Unchanged: 4}, nil
	}
	f.applied = manifests
	return v1alpha1.Changes{Created: 4}, nil
}

func (f *fixture) Restart(_ context.Context, _ []byte, _ []string, mark string) error {
	f.restarts = append(f.restarts, mark)
	return nil
}

func (f *fixture) Verify(ctx context.Context, deadlines map[string]time.Duration, progress func([]v1alpha1.ServiceStatus)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f.deadlines = deadlines
	progress([]v1alpha1.ServiceStatus{{Name: "web", Ready: 1, Wanted: 1}})
	return f.unready
}

func (f *fixture) Prune(context.Context) (int32, error) { f.pruned++; return 1, nil }

func (f *fixture) Write(ctx context.Context, status v1alpha1.ReleaseStatus) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.status = *status.DeepCopy()
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionWaiting); c != nil {
		f.waits = append(f.waits, c.Reason+": "+c.Message+" / "+status.Message)
	}
	f.writes++
	if f.writes == f.stopAt {
		f.stop()
	}
	return nil
}

func (f *fixture) Observe(context.Context, []v1alpha1.ServiceStatus) error { return nil }
