package dial

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Times of a connection.
const (
	connectTimeout = 10 * time.Second
	keepAlive      = 30 * time.Second
	lookupTimeout  = 2 * time.Second
)

// Dialer connects to addresses that are allowed. It is safe for concurrent use.
type Dialer struct {
	allowedNetworks []netip.Prefix
	allowed         map[netip.AddrPort]bool
	allowedName     map[string]bool // nameOf HOST:PORT
	refused         []network
	private         []network
	publicOnly      bool
	unrestricted    bool
	only            string // nameOf the one HOST:PORT that is dialled; empty means any
	proxy           func(*url.URL) (*url.URL, error)
	resolver        *net.Resolver
	roots           *x509.CertPool // whom TLS trusts; nil means whom the system does
}

// Unrestricted returns a Dialer that refuses nothing: for commands that a person
// runs, who reaches no more with them than without.
func Unrestricted() *Dialer { return &Dialer{unrestricted: true} }

// Only returns a Dialer that connects to where a URL is, and nowhere else: for
// the steps of builds, which speak with the server that started them.
func Only(u *url.URL) *Dialer { return &Dialer{unrestricted: true, only: nameOf(AddressOf(u))} }

// Public returns the Dialer for hosts that a repository's file names, and no
// Project or Cluster: private networks are refused, but for the exceptions.
func (d *Dialer) Public() *Dialer {
	public := *d
	public.publicOnly = true
	return &public
}

// DialContext connects to HOST:PORT over TCP. A refused address is an error of
// code denied, or invalid when the host is a number in an odd form; the sentence
// says how to allow it. Nothing is sent before the address was accepted.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !slices.Contains([]string{"tcp", "tcp4", "tcp6"}, network) {
		return nil, fault.New(fault.Internal, "connections over %s are not made", network)
	}
	if d.only != "" && nameOf(address) != d.only {
		return nil, fault.New(fault.Denied, "this step of a build connects to %s only, not to %s", d.only, address)
	}
	dialer := net.Dialer{Timeout: connectTimeout, KeepAlive: keepAlive, Resolver: d.resolver}
	if d.unrestricted || d.allowedName[nameOf(address)] {
		return dialer.DialContext(ctx, network, address)
	}
	if err := checkHost(address); err != nil {
		return nil, err
	}
	dialer.Control = func(_, resolved string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return fault.Wrap(fault.Internal, err, "the address %s of %s can't be read", resolved, address)
		}
		return d.check(address, at)
	}
	return dialer.DialContext(ctx, network, address)
}

// check refuses an address that the host of HOST:PORT has.
func (d *Dialer) check(address string, at netip.AddrPort) error {
	ip := plain(at.Addr())
	if d.allowed[netip.AddrPortFrom(ip, at.Port())] || d.allowsIP(ip) || d.allowsIP(at.Addr().WithZone("")) {
		return nil
	}
	why := d.reason(ip)
	if why == "" {
		return nil
	}
	return fault.New(fault.Denied, "Slipway does not connect to %s: %s is %s; if that is meant, the platform team adds it to outgoing.allow of the chart (--outgoing-allow)", address, at.Addr(), why)
}

// allowsIP reports whether an exception's network holds an address.
func (d *Dialer) allowsIP(ip netip.Addr) bool {
	return slices.ContainsFunc(d.allowedNetworks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// reason says what a refused address is; empty means that it is not refused.
func (d *Dialer) reason(ip netip.Addr) string {
	if what := find(d.refused, ip); what != "" {
		return what
	}
	what := find(d.private, ip)
	switch {
	case what != "" && d.publicOnly:
		return what
	case what == "" && !isInternet(ip):
		return reserved
	}
	return ""
}

// checkHost refuses a host that is a number, but no address as it is usually
// written: resolvers and proxies read 127.1 or 0x7f000001 in their own ways.
func checkHost(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "%s is not HOST:PORT", address)
	}
	if _, err := netip.ParseAddr(host); err == nil || !endsInNumber(host) {
		return nil
	}
	return fault.New(fault.Invalid, "the host %s is a number, but no address such as 192.0.2.1; write the address in full, or a name", host)
}

// endsInNumber reports whether the last label of a host is a number, which no
// name's is.
func endsInNumber(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, found := strings.CutPrefix(last, "0x"); found {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}
