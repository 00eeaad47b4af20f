package build

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/fault"
)

// testRegistry is an OCI registry in this process.
type testRegistry struct {
	host  string
	heads atomic.Int64                     // questions about manifests
	veto  atomic.Pointer[http.HandlerFunc] // answers instead, when set
	now   time.Time                        // of the clock that options use
}

func newTestRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.URL.Path, "/manifests/") && req.Method != http.MethodPut {
			r.heads.Add(1)
		}
		if veto := r.veto.Load(); veto != nil {
			(*veto)(w, req)
			return
		}
		inner.ServeHTTP(w, req)
	}))
	t.Cleanup(server.Close)
	r.host = strings.TrimPrefix(server.URL, "http://")
	return r
}

func (r *testRegistry) push(t *testing.T, ref string) string {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(r.host+"/"+ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	return digestOf(t, image)
}

func digestOf(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

// client returns a Registry for which this registry is docker.io's mirror.
func (r *testRegistry) client(t *testing.T, change func(*Options)) *Registry {
	t.Helper()
	options := Options{
		Insecure:  []string{r.host},
		Mirrors:   []string{r.host},
		Transport: reach(t, r.host, r.host),
		TTL:       time.Minute,
		Now:       func() time.Time { return r.now },
	}
	if change != nil {
		change(&options)
	}
	client, err := NewRegistry(options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestResolve(t *testing.T) {
	r := newTestRegistry(t)
	busybox := r.push(t, "library/busybox:1.36")
	tool := r.push(t, "acme/tool:latest")
	pathMirror := r.push(t, "hub/library/redis:7")
	tests := map[string]struct {
		ref    string
		mirror string
		want   string
	}{
		"docker.io through the mirror": {"busybox:1.36", r.host, busybox},
		"docker.io by its full name":   {"docker.io/library/busybox:1.36", r.host, busybox},
		"mirror below a path":          {"redis:7", r.host + "/hub", pathMirror},
		"another registry":             {r.host + "/acme/tool", r.host, tool},
		"digest":                       {"busybox@" + tool, r.host, tool},
		"tag and digest":               {"busybox:1.36@" + tool, r.host, tool},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := r.client(t, func(o *Options) { o.Mirrors = []string{test.mirror} })
			got, err := client.Resolve(t.Context(), test.ref)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("Resolve(%s) = %s, want %s", test.ref, got, test.want)
			}
		})
	}
}

func TestResolveRemembersATagForItsTime(t *testing.T) {
	r := newTestRegistry(t)
	client := r.client(t, nil)
	old := r.push(t, "library/busybox:1")
	resolve := func() string {
		t.Helper()
		got, err := client.Resolve(t.Context(), "busybox:1")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := resolve(); got != old {
		t.Fatalf("first answer %s, want %s", got, old)
	}
	moved := r.push(t, "library/busybox:1")
	before := r.heads.Load()
	r.now = r.now.Add(59 * time.Second)
	if got := resolve(); got != old || r.heads.Load() != before {
		t.Errorf("within its time the answer is %s after %d requests, want %s after none", got, r.heads.Load()-before, old)
	}
	r.now = r.now.Add(time.Second)
	if got := resolve(); got != moved {
		t.Errorf("after its time the answer is %s, want %s", got, moved)
	}
}

func TestExists(t *testing.T) {
	r := newTestRegistry(t)
	hash := sampleInput().Hash()
	repository := Repository(r.host, "slipway", "acme", "shop", "")
	client := r.client(t, nil)
	if ref, ok, err := client.Exists(t.Context(), repository, hash); ref != "" || ok || err != nil {
		t.Fatalf("before the push: %q, %v, %v", ref, ok, err)
	}
	digest := r.push(t, "slipway/acme/shop:"+hash)
	before := r.heads.Load()
	for range 3 {
		ref, ok, err := client.Exists(t.Context(), repository, hash)
		if err != nil || !ok {
			t.Fatalf("after the push: %v, %v", ok, err)
		}
		if want := repository + "@" + digest; ref != want {
			t.Errorf("reference %s, want %s", ref, want)
		}
	}
	if asked := r.heads.Load() - before; asked != 1 {
		t.Errorf("%d requests for one image, want 1", asked)
	}
	previews := Repository(r.host, "slipway", "acme", "shop", "pr-7")
	if _, ok, err := client.Exists(t.Context(), previews, hash); ok || err != nil {
		t.Errorf("previews see the project's image: %v, %v", ok, err)
	}
}

func TestRegistryErrors(t *testing.T) {
	answer := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/v2/" {
				return
			}
			http.Error(w, "internal-detail", status)
		}
	}
	tests := map[string]struct {
		veto http.HandlerFunc
		want fault.Code
	}{
		"unknown":      {nil, fault.NotFound},
		"unauthorized": {answer(http.StatusUnauthorized), fault.Denied},
		"forbidden":    {answer(http.StatusForbidden), fault.Denied},
		"limited":      {answer(http.StatusTooManyRequests), fault.Unavailable},
		"broken":       {answer(http.StatusInternalServerError), fault.Unavailable},
		"odd":          {answer(http.StatusTeapot), fault.Unavailable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newTestRegistry(t)
			if test.veto != nil {
				r.veto.Store(&test.veto)
			}
			client := r.client(t, nil)
			_, err := client.Resolve(t.Context(), r.host+"/acme/nothing:1")
			if fault.CodeOf(err) != test.want {
				t.Fatalf("error %v has code %q, want %q", err, fault.CodeOf(err), test.want)
			}
			message := fault.MessageOf(err)
			if !strings.Contains(message, "/acme/nothing:1") || strings.Contains(message, "internal-detail") {
				t.Errorf("message %q must name the image and repeat nothing of the answer", message)
			}
		})
	}
}

func TestUnreachableRegistryIsUnavailable(t *testing.T) {
	r := newTestRegistry(t)
	client := r.client(t, func(o *Options) {
		o.Insecure = []string{"127.0.0.1:1"}
		o.Transport = reach(t, "127.0.0.1:1", "127.0.0.1:1")
	})
	_, err := client.Resolve(t.Context(), "127.0.0.1:1/a/b:1")
	if fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("error %v, want unavailable", err)
	}
}

func TestCancelledResolveEnds(t *testing.T) {
	r := newTestRegistry(t)
	stuck := http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
	r.veto.Store(&stuck)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := r.client(t, nil).Resolve(ctx, r.host+"/a/b:1")
	if fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("error %v, want unavailable", err)
	}
}

func TestInvalidReferences(t *testing.T) {
	client := newTestRegistry(t).client(t, nil)
	for _, ref := range []string{"", "UPPER/case", "a b", "x:y:z", "host:port/x", "a@sha256:12", "http://x/y"} {
		if _, err := client.Resolve(t.Context(), ref); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("Resolve(%q): %v, want invalid", ref, err)
		}
	}
	if _, _, err := client.Exists(t.Context(), "no registry", "x"); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("Exists: %v, want invalid", err)
	}
}

func TestResolveBases(t *testing.T) {
	r := newTestRegistry(t)
	digest := r.push(t, "library/busybox:1.36")
	file, err := ParseDockerfile("web/Dockerfile", []byte("FROM busybox:1.36\nFROM "+r.host+"/none:1\n"))
	if err != nil {
		t.Fatal(err)
	}
	bases, err := file.Bases(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	client := r.client(t, nil)
	got, err := client.ResolveBases(t.Context(), file, bases[:1])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"busybox:1.36": digest}, got); diff != "" {
		t.Errorf("digests differ (-want +got):\n%s", diff)
	}
	_, err = client.ResolveBases(t.Context(), file, bases)
	if fault.CodeOf(err) != fault.NotFound || !strings.HasPrefix(fault.MessageOf(err), "web/Dockerfile:2: base image: ") {
		t.Errorf("error %v, want not_found at line 2", err)
	}
}

func TestDigestCacheIsBounded(t *testing.T) {
	cache := newDigestCache(time.Hour, time.Now)
	for i := range maxCachedDigests + 500 {
		cache.put(strings.Repeat("x", i%7)+string(rune(i)), "d")
	}
	if len(cache.entries.Keys()) > maxCachedDigests {
		t.Errorf("%d entries, want at most %d", len(cache.entries.Keys()), maxCachedDigests)
	}
}
