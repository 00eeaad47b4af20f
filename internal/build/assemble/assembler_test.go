package assemble_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/build/assemble"
	"github.com/slipway-dev/slipway/internal/build/buildtest"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// What is beyond a limit is left to a builder.
func TestLimits(t *testing.T) {
	many := func(n int) map[string]gittest.File {
		files := map[string]gittest.File{}
		for i := range n {
			files[fmt.Sprintf("d/%06d", i)] = gittest.File{}
		}
		return files
	}
	copies := func(n int) string {
		return "FROM scratch\n" + strings.Repeat("COPY a /a\n", n)
	}
	a := map[string]gittest.File{"a": {Data: "a"}}
	tests := map[string]struct {
		c    buildtest.Case
		says string
	}{
		"files":                {buildtest.Case{Dockerfile: "FROM scratch\nCOPY d /d\n", Files: many(99_999)}, ""}, // and their directory
		"more files":           {buildtest.Case{Dockerfile: "FROM scratch\nCOPY d /d\n", Files: many(100_000)}, "more than 100000 files"},
		"layers":               {buildtest.Case{Dockerfile: copies(120), Files: a}, ""},
		"more layers":          {buildtest.Case{Dockerfile: copies(121), Files: a}, "more than 120 layers"},
		"files of stages":      {buildtest.Case{Dockerfile: "FROM scratch AS a\nCOPY d /d\nFROM scratch AS b\nCOPY --from=a /d /d/1\nFROM scratch\nCOPY --from=b /d /d\n", Files: many(33_000)}, ""},
		"doubled by stages":    {buildtest.Case{Dockerfile: "FROM scratch AS a\nCOPY d /d\nFROM scratch AS b\nCOPY --from=a /d /d/1\nCOPY --from=a /d /d/2\nFROM scratch\nCOPY --from=b /d /d\n", Files: many(33_000)}, "more than 100000 files"},
		"taken over":           {buildtest.Case{Dockerfile: "FROM scratch AS a\nCOPY d /d\nFROM a AS b\nFROM b\n", Files: many(33_000)}, ""},
		"taken over too much":  {buildtest.Case{Dockerfile: "FROM scratch AS a\nCOPY d /d\nFROM a AS b\nFROM b AS c\nFROM c\n", Files: many(33_000)}, "more than 100000 files"},
		"deep directories":     {buildtest.Case{Dockerfile: "FROM scratch\n" + strings.Repeat("COPY <<E /"+strings.Repeat("d/", 1500)+"\nE\n", 70)}, "more than 100000 files"},
		"the base's layers":    {buildtest.Case{Dockerfile: "FROM BASE\n" + strings.Repeat("COPY a /a\n", 118), Files: a}, ""},
		"more with the base's": {buildtest.Case{Dockerfile: "FROM BASE\n" + strings.Repeat("COPY a /a\n", 119), Files: a}, "more than 120 layers"},
		"ports":                {buildtest.Case{Dockerfile: "FROM BASE\nEXPOSE 1-1000\n"}, ""},
		"more ports":           {buildtest.Case{Dockerfile: "FROM BASE\nEXPOSE 1-1001\n"}, "more than 1000 ports"},
		"a here-document":      {buildtest.Case{Dockerfile: "FROM scratch\nCOPY <<E /x\n$A" + strings.Repeat("x", 16<<10-3) + "\nE\n"}, ""},
		"a long one":           {buildtest.Case{Dockerfile: "FROM scratch\nCOPY <<E /x\n$A" + strings.Repeat("x", 16<<10-2) + "\nE\n"}, "a very long word"},
		"a long one as it is":  {buildtest.Case{Dockerfile: "FROM scratch\nCOPY <<E /x\n" + strings.Repeat("xxxxxxx\n", 10<<10) + "E\n"}, ""},
	}
	f := newFixture(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := f.order(t, tt.c)
			o.Hash = strings.Repeat("c", 64)
			_, err := assemble.New(assemble.Options{}).Assemble(t.Context(), f.registry, o)
			var found *assemble.Obstacle
			if errors.As(err, &found) != (tt.says != "") || found != nil && !strings.Contains(found.Error(), tt.says) || found == nil && err != nil {
				t.Errorf("%v, want %q", err, tt.says)
			}
		})
	}
}

// A layer of any size is made and sent in little memory, and is the same each time it is
// read.
func TestLargeLayer(t *testing.T) {
	files := map[string]gittest.File{}
	seed := uint64(1)
	for i := range 10 {
		data := make([]byte, 4<<20) // noise: it doesn't get smaller
		for j := range data {
			seed = seed*6364136223846793005 + 1442695040888963407
			data[j] = byte(seed >> 56)
		}
		files[fmt.Sprintf("d/%d", i)] = gittest.File{Data: string(data)}
	}
	f := newFixture(t)
	o := f.order(t, buildtest.Case{Dockerfile: "FROM BASE\nCOPY d /d\n", Files: files})
	sink := &sink{Registry: f.registry}
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if _, err := assemble.New(assemble.Options{}).Assemble(t.Context(), sink, o); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&peak)
	if grown := int64(peak.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d bytes are held after 40 MiB were assembled", grown)
	}
	if sink.read < 40<<20 || sink.digest != sink.declared {
		t.Errorf("%d bytes with digest %s, want more than 40 MiB with %s", sink.read, sink.digest, sink.declared)
	}
}

// sink is a registry that reads the last layer of what is pushed and keeps nothing.
type sink struct {
	assemble.Registry
	read             int64
	digest, declared v1.Hash
}

func (s *sink) Push(_ context.Context, _, _ string, image v1.Image) (string, error) {
	layers, err := image.Layers()
	if err != nil {
		return "", err
	}
	last := layers[len(layers)-1]
	if s.declared, err = last.Digest(); err != nil {
		return "", err
	}
	stream, err := last.Compressed()
	if err != nil {
		return "", err
	}
	if s.digest, s.read, err = v1.SHA256(stream); err != nil {
		return "", err
	}
	return s.digest.String(), stream.Close()
}

// counting counts the images that are pushed.
type counting struct {
	assemble.Registry
	mu     sync.Mutex
	pushes int
	err    error // of the first push
}

func (c *counting) Push(ctx context.Context, repository, tag string, image v1.Image) (string, error) {
	c.mu.Lock()
	c.pushes++
	err := c.err
	c.err = nil
	c.mu.Unlock()
	if err != nil {
		return "", err
	}
	return c.Registry.Push(ctx, repository, tag, image)
}

// However many want an image at once, it is made once.
func TestTogether(t *testing.T) {
	f := newFixture(t)
	o := f.order(t, buildtest.Corpus()["copied: a file"])
	a, counted := assemble.New(assemble.Options{Parallel: 3}), &counting{Registry: f.registry}
	var all sync.WaitGroup
	digests := make([]string, 20)
	for i := range digests {
		all.Go(func() {
			var err error
			if digests[i], err = a.Assemble(t.Context(), counted, o); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, digest := range digests {
		if digest != digests[0] || digest == "" {
			t.Errorf("digests %v", digests)
			break
		}
	}
	if counted.pushes != 1 {
		t.Errorf("%d images were pushed", counted.pushes)
	}
}

// Whoever waits for an assembly that fails, or whose caller goes away, makes the image.
func TestNextInTurn(t *testing.T) {
	f := newFixture(t)
	o := f.order(t, buildtest.Corpus()["copied: a file"])
	a := assemble.New(assemble.Options{})
	refused := fault.New(fault.Unavailable, "not now")
	counted := &counting{Registry: f.registry, err: refused}
	if _, err := a.Assemble(t.Context(), counted, o); !errors.Is(err, refused) {
		t.Fatalf("%v, want the registry's refusal", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Assemble(ended, counted, o); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("after its caller has gone: %v", err)
	}
	if _, err := a.Assemble(t.Context(), counted, o); err != nil {
		t.Error(err)
	}
}

// hanging is a registry that gives no answer to a push until it is let go.
type hanging struct {
	assemble.Registry
	began, free chan struct{}
}

func (h *hanging) Push(context.Context, string, string, v1.Image) (string, error) {
	close(h.began)
	<-h.free
	return "sha256:0", nil
}

// A registry that hangs doesn't keep others from their images: a builder makes them.
func TestHangingRegistry(t *testing.T) {
	f := newFixture(t)
	a := assemble.New(assemble.Options{Parallel: 1, Wait: 50 * time.Millisecond})
	h := &hanging{Registry: f.registry, began: make(chan struct{}), free: make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := a.Assemble(t.Context(), h, f.order(t, buildtest.Corpus()["copied: a file"])); err != nil {
			t.Error(err)
		}
	})
	<-h.began
	other := f.order(t, buildtest.Corpus()["copied: ADD"])
	other.Hash = strings.Repeat("d", 64)
	var found *assemble.Obstacle
	if _, err := a.Assemble(t.Context(), f.registry, other); !errors.As(err, &found) || !strings.Contains(found.Reason, "busy") {
		t.Errorf("%v, want it left to a builder", err)
	}
	close(h.free)
	all.Wait()
}

// Layers of a base image that is in another registry are copied.
func TestBaseOfAnotherRegistry(t *testing.T) {
	f := newFixture(t)
	other := newFixture(t)
	for name, ref := range other.refs {
		f.refs[name] = ref
	}
	f.registry = client(t, f.host, other.host)
	o := f.order(t, buildtest.Corpus()["copied: a file"])
	digest, err := assemble.New(assemble.Options{}).Assemble(t.Context(), f.registry, o)
	if err != nil {
		t.Fatal(err)
	}
	f.compare(t, buildtest.Corpus()["copied: a file"], f.pushed(t, o, digest))
}

// What a registry refuses is said in words, and worth a retry only if it may pass.
func TestRefusals(t *testing.T) {
	for status, code := range map[int]fault.Code{http.StatusForbidden: fault.Denied, http.StatusInsufficientStorage: fault.Invalid, http.StatusServiceUnavailable: fault.Unavailable} {
		f := newFixture(t)
		next := f.requests.next
		f.requests.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(status)
				return
			}
			next.ServeHTTP(w, r)
		})
		_, err := assemble.New(assemble.Options{}).Assemble(t.Context(), f.registry, f.order(t, buildtest.Corpus()["copied: a file"]))
		if fault.CodeOf(err) != code || !strings.Contains(fault.MessageOf(err), f.host+"/acme/shop") {
			t.Errorf("%d: %v, want %s", status, err, code)
		}
	}
}

// A commit may say any time of itself.
func TestTimes(t *testing.T) {
	f := newFixture(t)
	for at, want := range map[time.Time]int{{}: 1980, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC): 1980, time.Date(2026, 1, 1, 0, 0, 0, 5, time.UTC): 2026} {
		o := f.order(t, buildtest.Corpus()["copied: a file"])
		o.Created, o.Hash = at, strings.Repeat(fmt.Sprintf("%x", want%16), 64)
		digest, err := assemble.New(assemble.Options{}).Assemble(t.Context(), f.registry, o)
		if err != nil {
			t.Fatal(err)
		}
		file, err := f.pushed(t, o, digest).ConfigFile()
		if err != nil || file.Created.Year() != want || file.Created.Nanosecond() != 0 {
			t.Errorf("%s became %v: %v", at, file.Created, err)
		}
	}
}

// A base image of another platform is no base for what runs here.
func TestBaseOfAnotherPlatform(t *testing.T) {
	f := newFixture(t)
	base := buildtest.Base(t, "BASE")
	config, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.Architecture = "arm64"
	if base, err = mutate.ConfigFile(base, config); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference(t, f.refs["BASE"]), base); err != nil {
		t.Fatal(err)
	}
	var found *assemble.Obstacle
	if _, err := assemble.New(assemble.Options{}).Assemble(t.Context(), f.registry, f.order(t, buildtest.Corpus()["copied: a file"])); !errors.As(err, &found) || !strings.Contains(found.Reason, "linux/arm64") {
		t.Errorf("%v, want it left to a builder", err)
	}
}

// Nobody goes on working for a caller who has gone.
func TestCallerHasGone(t *testing.T) {
	f := newFixture(t)
	a := assemble.New(assemble.Options{})
	o := f.order(t, buildtest.Case{Dockerfile: "FROM BASE\nWORKDIR /srv\n"})
	if _, err := a.Assemble(t.Context(), f.registry, o); err != nil {
		t.Fatal(err) // from now on its base image is known
	}
	ended, cancel := context.WithCancel(t.Context())
	base := o.Parameters.Base
	o.Parameters.Base = func(ref string) (build.BaseConfig, error) { cancel(); return base(ref) }
	if _, err := a.Assemble(ended, known{f.registry}, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}

// known is a registry that answers those who have gone, too.
type known struct{ assemble.Registry }

func (k known) Layers(ctx context.Context, image *build.Pulled) ([]v1.Layer, error) {
	return k.Registry.Layers(context.WithoutCancel(ctx), image)
}

func (k known) Push(ctx context.Context, repository, tag string, image v1.Image) (string, error) {
	return k.Registry.Push(context.WithoutCancel(ctx), repository, tag, image)
}
