package dial

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// Bounds of one exchange over HTTP.
const (
	headerTimeout  = 30 * time.Second
	maxHeaderBytes = 64 << 10
)

// Transport returns a transport over the dialer, which keeps connections. It
// speaks HTTP/1.1 only, uncompressed: whatever else a server may send, be it
// frames that carry nothing or blocks that unpack to nothing, counts against no
// limit of the answer.
func (d *Dialer) Transport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  d.proxyOf,
		DialContext:            d.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: d.roots},
		TLSHandshakeTimeout:    connectTimeout,
		Protocols:              protocols,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true,
	}
}

// Bounds of connections that stay open, and carry many requests at a time.
const (
	streamHeaderTimeout = 90 * time.Second // above the minute that an API server gives a request
	pingAfter           = 30 * time.Second // of silence
	pingTimeout         = 15 * time.Second
)

// StreamTransport returns a transport over the dialer for a server that answers as
// long as it is watched, such as a Kubernetes API: HTTP/2 where the server has it, and
// a connection that gives no answer to a ping ends. A nil config trusts the system's
// certificates.
func (d *Dialer) StreamTransport(config *tls.Config) *http.Transport {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		Proxy:                  d.proxyOf,
		DialContext:            d.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    connectTimeout,
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxIdleConnsPerHost:    25,
		IdleConnTimeout:        90 * time.Second,
		ResponseHeaderTimeout:  streamHeaderTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// proxyOf chooses the proxy of a request, and refuses a request that would not
// be sent directly either: the proxy may stand where the refused address is
// reached. A name that only the proxy can resolve is the proxy's business.
func (d *Dialer) proxyOf(request *http.Request) (*url.URL, error) {
	if d.proxy == nil {
		return nil, nil
	}
	proxy, err := d.proxy(request.URL)
	if err != nil || proxy == nil {
		return nil, err
	}
	address := AddressOf(request.URL)
	if d.unrestricted || d.allowedName[nameOf(address)] {
		return proxy, nil
	}
	return proxy, d.checkProxied(request.Context(), address)
}

// checkProxied refuses a host whose addresses are known here and refused.
func (d *Dialer) checkProxied(ctx context.Context, address string) error {
	if err := checkHost(address); err != nil {
		return err
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	resolver := d.resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	found, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // closed networks resolve names of the internet at their proxy only
	}
	for _, ip := range found {
		if err := d.check(address, netip.AddrPortFrom(ip, uint16(port))); err != nil {
			return err
		}
	}
	return nil
}
