package build

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
)

// Reach says which registries may be talked to, and how. A Dockerfile names
// any host it likes, so only the hosts that the platform team configured may
// be on a private network or speak plain HTTP.
type Reach struct {
	// Dialer makes the connections.
	Dialer *dial.Dialer
	// Configured are the hosts (host or host:port) that the platform team named.
	// They, and the hosts that they send clients to for a token, may be on a
	// private network.
	Configured []string
	// Insecure are configured hosts that speak plain HTTP.
	Insecure []string
}

// Transport returns a round tripper that keeps to the reach. It is safe for
// concurrent use and keeps connections; use one for all registries.
func (r Reach) Transport() http.RoundTripper { return r.transport(maxAnswer) }

// LayerTransport returns a round tripper like that of Transport, for answers as long as
// layers are.
func (r Reach) LayerTransport() http.RoundTripper { return r.transport(maxLayer) }

func (r Reach) transport(longest int64) http.RoundTripper {
	t := &reachTransport{
		longest: longest,
		dialer:  r.Dialer, public: r.Dialer.Public(), insecure: r.Insecure,
		configured: slices.Concat(r.Configured, r.Insecure), tokens: map[string]bool{},
	}
	next := r.Dialer.Transport()
	next.DialContext = t.dial
	t.next = next
	return t
}

// reachTransport refuses plain HTTP to hosts that aren't configured for it:
// the registry client would try it for any private address.
type reachTransport struct {
	dialer, public       *dial.Dialer
	configured, insecure []string
	next                 *http.Transport
	longest              int64 // bytes of an answer

	mu     sync.Mutex
	tokens map[string]bool // host:port that configured registries name for tokens
}

const (
	// maxRedirects bounds the redirects of one request.
	maxRedirects = 5
	// maxTokenHosts bounds the hosts for tokens that are remembered.
	maxTokenHosts = 64
	// maxAnswer is how long an answer may be, in bytes: registries take no manifest
	// that is longer.
	maxAnswer = 4 << 20
	// maxLayer is how long a layer of a base image may be, in bytes.
	maxLayer = 4 << 30
	// maxRefusal is how long the words of a refusal may be, in bytes.
	maxRefusal = 64 << 10
)

// RoundTrip sends a request that the reach allows.
func (t *reachTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !slices.Contains(t.insecure, req.URL.Host) {
		return nil, fault.New(fault.Denied, "Slipway speaks no plain HTTP with %s; give the registry a certificate, or allow it with registry.insecure of the Cluster", req.URL.Host)
	}
	if redirects(req) > maxRedirects {
		return nil, fault.New(fault.Unavailable, "the registry %s redirects in circles; check the image's name and its registry", req.URL.Host)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = bounded(resp, req.URL.Host, t.longest)
	if resp.StatusCode == http.StatusUnauthorized && t.isConfigured(dial.AddressOf(req.URL)) {
		t.recordTokenHost(resp.Header.Get("WWW-Authenticate"))
	}
	return resp, nil
}

// redirects returns how many redirects led to a request. The registry client
// follows them without an end.
func redirects(req *http.Request) int {
	count := 0
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
		count++
	}
	return count
}

// boundedBody is the body of a registry's answer: a manifest, a token, a layer, or the
// words of a refusal.
type boundedBody struct {
	body io.ReadCloser
	host string
	left int64 // bytes
}

func bounded(resp *http.Response, host string, longest int64) *boundedBody {
	if resp.StatusCode >= http.StatusBadRequest {
		return &boundedBody{body: resp.Body, host: host, left: maxRefusal}
	}
	return &boundedBody{body: resp.Body, host: host, left: longest}
}

// Read reads on until the end or the bound.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, fault.New(fault.Unavailable, "%s answers with more than a registry would; check the image's name and its registry", b.host)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more byte than allowed shows that there is more
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	return n, err
}

// Close ends the answer, and its connection unless all of it was read.
func (b *boundedBody) Close() error { return b.body.Close() }

// CloseIdleConnections closes connections that are kept.
func (t *reachTransport) CloseIdleConnections() { t.next.CloseIdleConnections() }

func (t *reachTransport) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if t.isConfigured(address) {
		return t.dialer.DialContext(ctx, network, address)
	}
	return t.public.DialContext(ctx, network, address)
}

// isConfigured reports whether the host of a dialled address is configured,
// with its port or without, or serves the tokens of one that is.
func (t *reachTransport) isConfigured(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tokens[address] || slices.Contains(t.configured, address) || slices.Contains(t.configured, host)
}

// recordTokenHost remembers where a configured registry sends clients for a
// token: GitLab's registry and its login have different hosts, say.
func (t *reachTransport) recordTokenHost(challenge string) {
	_, rest, found := strings.Cut(challenge, `realm="`)
	raw, _, closed := strings.Cut(rest, `"`)
	realm, err := url.Parse(raw)
	if !found || !closed || err != nil || realm.Scheme != "https" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.tokens) < maxTokenHosts {
		t.tokens[dial.AddressOf(realm)] = true
	}
}
