package build

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Timeouts of one request to a registry.
const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 15 * time.Second
)

// Reach says which registries may be talked to, and how. A Dockerfile names
// any host it likes, so only the hosts that the platform team configured may
// be on a private network or speak plain HTTP.
type Reach struct {
	// Insecure are hosts (host or host:port) that speak plain HTTP.
	Insecure []string
	// Private are hosts that may have an address that isn't public.
	Private []string
	// Proxy chooses a proxy, as in http.Transport; with it, private addresses
	// are the proxy's business. Nil means none.
	Proxy func(*http.Request) (*url.URL, error)
}

// Transport returns a round tripper that keeps to the reach. It is safe for
// concurrent use and keeps connections; use one for all registries.
func (r Reach) Transport() http.RoundTripper {
	return &reachTransport{
		insecure: r.Insecure,
		next: &http.Transport{
			Proxy:                 r.Proxy,
			DialContext:           r.dial,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          64,
			MaxIdleConnsPerHost:   8,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   dialTimeout,
			ResponseHeaderTimeout: headerTimeout,
			ExpectContinueTimeout: time.Second,
		},
	}
}

// reachTransport refuses plain HTTP to hosts that aren't configured for it:
// the registry client would try it for any private address.
type reachTransport struct {
	insecure []string
	next     http.RoundTripper
}

// RoundTrip sends a request that the reach allows.
func (t *reachTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !slices.Contains(t.insecure, req.URL.Host) {
		return nil, fmt.Errorf("plain HTTP to %s is not configured", req.URL.Host)
	}
	return t.next.RoundTrip(req)
}

func (r Reach) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	if r.Proxy == nil && !r.mayBePrivate(address) {
		dialer.Control = refusePrivate
	}
	return dialer.DialContext(ctx, network, address)
}

// mayBePrivate reports whether the host of a dialled address is configured,
// with its port or without.
func (r Reach) mayBePrivate(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	configured := slices.Concat(r.Insecure, r.Private)
	return slices.Contains(configured, address) || slices.Contains(configured, host)
}

// refusePrivate is called with the address that a name resolved to, after any
// trick that a name server could play.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	ip := target.Addr().Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return fault.New(fault.Denied, "the registry's address %s is not public; add its host to the cluster's registry mirrors or allowed images to permit it", ip)
	}
	return nil
}
