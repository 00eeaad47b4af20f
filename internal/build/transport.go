package build

import (
	"context"
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
func (r Reach) Transport() http.RoundTripper {
	t := &reachTransport{
		dialer: r.Dialer, public: r.Dialer.Public(), insecure: r.Insecure,
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

	mu     sync.Mutex
	tokens map[string]bool // host:port that configured registries name for tokens
}

// maxTokenHosts bounds the hosts for tokens that are remembered.
const maxTokenHosts = 64

// RoundTrip sends a request that the reach allows.
func (t *reachTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !slices.Contains(t.insecure, req.URL.Host) {
		return nil, fault.New(fault.Denied, "Slipway speaks no plain HTTP with %s; give the registry a certificate, or allow it with registry.insecure of the Cluster", req.URL.Host)
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && t.isConfigured(dial.AddressOf(req.URL)) {
		t.recordTokenHost(resp.Header.Get("WWW-Authenticate"))
	}
	return resp, err
}

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
