package assemble_test

import (
	"archive/tar"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/build/buildtest"
	"github.com/slipway-dev/slipway/internal/build/scope"
)

// created is the time of all images of the tests.
var created = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// fixture is a registry with the base images of the corpus.
type fixture struct {
	host     string
	registry *build.Registry
	refs     map[string]string // of base images, by name
	requests *recorder
}

// recorder remembers what a registry is asked.
type recorder struct {
	next  http.Handler
	mu    sync.Mutex
	lines []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.lines = append(r.lines, request.Method+" "+request.URL.String())
	r.mu.Unlock()
	r.next.ServeHTTP(w, request)
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{requests: &recorder{next: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}, refs: map[string]string{}}
	server := httptest.NewServer(f.requests)
	t.Cleanup(server.Close)
	f.host = strings.TrimPrefix(server.URL, "http://")
	for _, base := range buildtest.BaseNames() {
		f.refs[base] = f.host + "/library/" + strings.ToLower(base) + ":1"
		if err := remote.Write(reference(t, f.refs[base]), buildtest.Base(t, base)); err != nil {
			t.Fatal(err)
		}
	}
	f.registry = client(t, f.host)
	return f
}

// client returns what asks registries.
func client(t *testing.T, hosts ...string) *build.Registry {
	t.Helper()
	made, err := build.NewRegistry(build.Options{Insecure: hosts, Transport: http.DefaultTransport, TTL: time.Minute, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func reference(t *testing.T, ref string) name.Reference {
	t.Helper()
	parsed, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// order returns what to assemble for a case.
func (f *fixture) order(t *testing.T, c buildtest.Case) assemble.Order {
	t.Helper()
	c = c.With(f.refs)
	tree, dockerfile := c.Tree(t)
	o := assemble.Order{
		Name: dockerfile, Dockerfile: []byte(c.Dockerfile), Tree: tree, Context: ".", Created: created, Bases: map[string]string{},
		Repository: f.host + "/acme/shop", Hash: strings.Repeat("a", 64),
	}
	o.Parameters = build.Parameters{Args: c.Args, Target: c.Target, Platform: "linux/amd64", Base: func(ref string) (build.BaseConfig, error) {
		return f.registry.Base(t.Context(), ref, o.Bases[ref])
	}}
	for _, ref := range f.refs {
		digest, err := f.registry.Resolve(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		o.Bases[ref] = digest
	}
	stages, err := build.Evaluate(dockerfile, o.Dockerfile, o.Parameters)
	o.Scope = scope.Of(dockerfile, stages, err)
	return o
}

// pushed returns the image that was pushed.
func (f *fixture) pushed(t *testing.T, o assemble.Order, digest string) v1.Image {
	t.Helper()
	image, err := remote.Image(reference(t, o.Repository+":"+o.Hash))
	if err != nil {
		t.Fatal(err)
	}
	if is, err := image.Digest(); err != nil || is.String() != digest {
		t.Fatalf("the registry has %s, %v; want %s", is, err, digest)
	}
	return image
}

// What is assembled is what the reference of Dockerfiles says, file by file; what isn't
// certain goes to a builder.
func TestCorpus(t *testing.T) {
	f := newFixture(t)
	all, assembled := buildtest.Corpus(), 0
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			o := f.order(t, c)
			digest, err := assemble.New(assemble.Options{}).Assemble(t.Context(), f.registry, o)
			var found *assemble.Obstacle
			switch {
			case errors.As(err, &found) && c.Runs != "":
				if !strings.Contains(found.Error(), c.Runs) {
					t.Errorf("it isn't assembled because of %q, want %q", found, c.Runs)
				}
			case c.Runs != "":
				t.Errorf("it is assembled, and should not be: %v", err)
			case err != nil:
				t.Error(err)
			default:
				assembled++
				f.compare(t, c, f.pushed(t, o, digest))
			}
		})
	}
	if assembled < 60 {
		t.Errorf("%d cases of %d are assembled, want 60", assembled, len(all))
	}
}

// compare compares an image with what a case wants.
func (f *fixture) compare(t *testing.T, c buildtest.Case, image v1.Image) {
	t.Helper()
	base := buildtest.Base(t, c.From())
	if diff := cmp.Diff(c.With(f.refs).Want, buildtest.Changes(buildtest.List(t, base), buildtest.List(t, image)), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("files differ (-want +got):\n%s", diff)
	}
	want := buildtest.BaseConfig(c.From())
	if c.Config != nil {
		c.Config(&want)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, file.Config, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
	f.checkForm(t, base, image, file)
}

// checkForm checks what holds for each image.
func (f *fixture) checkForm(t *testing.T, base, image v1.Image, file *v1.ConfigFile) {
	t.Helper()
	if file.OS != "linux" || file.Architecture != "amd64" || !file.Created.Equal(created) {
		t.Errorf("it is for %s/%s, of %s", file.OS, file.Architecture, file.Created)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	own := len(layers)
	if below, err := base.Layers(); err != nil {
		t.Fatal(err)
	} else {
		own -= len(below)
	}
	filled := 0
	for _, entry := range file.History {
		if !entry.EmptyLayer && entry.Comment == "slipway" {
			filled++
		}
	}
	if len(file.RootFS.DiffIDs) != len(layers) || filled != own {
		t.Errorf("%d layers, of which %d are new; %d digests and %d entries of history", len(layers), own, len(file.RootFS.DiffIDs), filled)
	}
	for _, layer := range layers[len(layers)-own:] {
		checkLayer(t, layer)
	}
}

// checkLayer checks that each directory comes before what is in it, and that nothing
// tells who assembled it, and when.
func checkLayer(t *testing.T, layer v1.Layer) {
	t.Helper()
	stream, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	seen := map[string]bool{".": true}
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		at := path.Clean(header.Name)
		if !seen[path.Dir(at)] || seen[at] || header.Uname != "" || header.Gname != "" || path.IsAbs(at) {
			t.Errorf("%s has no directory before it, is there twice, or has a name for its owner: %+v", at, header)
		}
		seen[at] = true
		if when := header.ModTime.Unix(); when != created.Unix() && when != 1_600_000_000 {
			t.Errorf("%s has the time %s", at, header.ModTime)
		}
	}
}

// The same order gives the same digest, and another time another one.
func TestReproducible(t *testing.T) {
	c := buildtest.Corpus()["copied: with slashes"]
	digests := map[string]bool{}
	for range 3 {
		f := newFixture(t)
		c := c.With(nil)
		c.Dockerfile = strings.Replace(c.Dockerfile, "FROM BASE", "FROM scratch", 1)
		digest, err := assemble.New(assemble.Options{}).Assemble(t.Context(), f.registry, f.order(t, c))
		if err != nil {
			t.Fatal(err)
		}
		digests[digest] = true
	}
	if len(digests) != 1 {
		t.Errorf("three registries have %d digests of one order", len(digests))
	}
}

// A change of one file sends one layer; those of the base image are never sent to where
// they are.
func TestLittleIsSent(t *testing.T) {
	f := newFixture(t)
	a := assemble.New(assemble.Options{})
	c := buildtest.Corpus()["destinations: two directories in one"]
	first := f.order(t, c)
	if _, err := a.Assemble(t.Context(), f.registry, first); err != nil {
		t.Fatal(err)
	}
	c = c.With(nil)
	c.Files["one/a"] = buildtest.Corpus()["copied: a file"].Files["README.md"]
	second := f.order(t, c)
	second.Hash = strings.Repeat("b", 64)
	f.requests.lines = nil
	if _, err := a.Assemble(t.Context(), f.registry, second); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, line := range f.requests.lines {
		if strings.HasPrefix(line, "PATCH ") {
			sent++
		}
		if strings.HasPrefix(line, "GET ") && strings.Contains(line, "/blobs/") {
			t.Errorf("a layer or configuration was read again: %s", line)
		}
	}
	if sent != 2 {
		t.Errorf("%d blobs were sent, want a layer and a configuration:\n%s", sent, strings.Join(f.requests.lines, "\n"))
	}
}
