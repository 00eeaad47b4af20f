package build

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
)

// TestRegistriesThatNeverEnd talk without end wherever the protocol lets them.
func TestRegistriesThatNeverEnd(t *testing.T) {
	const underWay = 16 << 20 // between two sockets of this machine, at most
	ping := func(r *http.Request) bool { return r.URL.Path == "/v2/" }
	forEver := func(w io.Writer, text string) {
		block := []byte(strings.Repeat(text, 1+(64<<10)/len(text)))
		for {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"a manifest": func(w http.ResponseWriter, r *http.Request) {
			if !ping(r) && r.Method == http.MethodGet {
				w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
				forEver(w, `{"layers":[`)
			}
		},
		"a refusal": func(w http.ResponseWriter, r *http.Request) {
			if !ping(r) {
				w.WriteHeader(http.StatusForbidden)
				forEver(w, `{"errors":[{},{},`)
			}
		},
		"the greeting": func(w http.ResponseWriter, _ *http.Request) { forEver(w, "hello ") },
		"a token": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/token" {
				w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="x"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			forEver(w, `{"token":"`)
		},
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			if !ping(r) {
				http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
			}
		},
		"logins": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				_, _ = io.WriteString(w, `{"token":"x"}`)
				return
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestRegistry(t)
			var sent, calls atomic.Int64
			counted := func(w http.ResponseWriter, req *http.Request) {
				calls.Add(1)
				answer(&countedResponse{w, &sent, req.Method == http.MethodHead}, req)
			}
			handler := http.HandlerFunc(counted)
			r.veto.Store(&handler)
			client := r.client(t, nil)
			_, err := client.Resolve(t.Context(), r.host+"/acme/tool:1")
			if code := fault.CodeOf(err); code != fault.Unavailable && code != fault.Denied {
				t.Errorf("%v has code %q", err, code)
			}
			if strings.Contains(fault.MessageOf(err), "cannot be reached") {
				t.Errorf("%q of a registry that answers", fault.MessageOf(err))
			}
			if bytes, n := sent.Load(), calls.Load(); bytes > maxAnswer*4+underWay || n > 64 {
				t.Errorf("%d bytes in %d calls", bytes, n)
			}
		})
	}
}

// countedResponse counts what is sent.
type countedResponse struct {
	http.ResponseWriter
	sent   *atomic.Int64
	isHead bool
}

func (c *countedResponse) Write(p []byte) (int, error) {
	if c.isHead {
		return 0, http.ErrBodyNotAllowed
	}
	n, err := c.ResponseWriter.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// reach is the way to insecure registries, where connections to the allowed
// addresses are made.
func reach(t *testing.T, allowed string, insecure ...string) http.RoundTripper {
	t.Helper()
	dialer, err := dial.New(dial.Options{Allow: []string{allowed}})
	if err != nil {
		t.Fatal(err)
	}
	return Reach{Dialer: dialer, Insecure: insecure}.Transport()
}

// A Dockerfile may name any host; only configured ones may be private or
// speak plain HTTP, and none may be ourselves unless it is allowed.
func TestReach(t *testing.T) {
	r := newTestRegistry(t)
	r.push(t, "acme/tool:1")
	tests := map[string]struct {
		transport http.RoundTripper
		ref, want string
	}{
		"ourselves":            {reach(t, "192.0.2.1"), r.host + "/acme/tool:1", "loopback address"},
		"ourselves configured": {reach(t, "192.0.2.1", r.host), r.host + "/acme/tool:1", "loopback address"},
		"plain HTTP":           {reach(t, r.host), r.host + "/acme/tool:1", "no plain HTTP"},
		"metadata":             {reach(t, r.host), "169.254.169.254/acme/tool:1", "link-local address"},
		"private":              {reach(t, r.host), "10.1.2.3/acme/tool:1", "private address"},
		"numeric":              {reach(t, r.host), "0x7f.1:443/acme/tool:1", "is a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := r.heads.Load()
			client := r.client(t, func(o *Options) { o.Insecure, o.Mirrors, o.Transport = nil, nil, test.transport })
			_, err := client.Resolve(t.Context(), test.ref)
			if err == nil || !strings.Contains(fault.MessageOf(err), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if r.heads.Load() != before {
				t.Error("the registry was asked")
			}
		})
	}
}

// TestConfiguredHosts: a registry that the platform team named, and where it
// sends clients for a token, may be private; what others name may not.
func TestConfiguredHosts(t *testing.T) {
	dialer, err := dial.New(dial.Options{})
	if err != nil {
		t.Fatal(err)
	}
	reach := Reach{Dialer: dialer, Configured: []string{"registry.acme.example", "mirror.acme.example:5000"}}.Transport().(*reachTransport)
	reach.recordTokenHost(`Bearer realm="https://gitlab.acme.example/jwt/auth",service="container_registry"`)
	for _, odd := range []string{"", "Basic", `Bearer realm="http://plain.example/"`, `Bearer realm="https://open`, `Bearer realm="%zz"`} {
		reach.recordTokenHost(odd)
	}
	for address, want := range map[string]bool{
		"registry.acme.example:443": true, "registry.acme.example:80": true, "mirror.acme.example:5000": true, "mirror.acme.example:443": false,
		"gitlab.acme.example:443": true, "gitlab.acme.example:80": false, "plain.example:80": false, "other.example:443": false, "registry.acme.example": false,
	} {
		if got := reach.isConfigured(address); got != want {
			t.Errorf("isConfigured(%s) = %v", address, got)
		}
	}
}
