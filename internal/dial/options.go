package dial

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// Options say what a Dialer refuses and allows besides what it always does.
type Options struct {
	// Allow are exceptions, which win over everything: a network (CIDR), an
	// address, or HOST:PORT, where HOST is a name or an address.
	Allow []string
	// ClusterNetworks (CIDR) are those of pods, Services and nodes. They are
	// refused.
	ClusterNetworks []string
	// Around is where the server itself is. It is refused.
	Around Surroundings
	// PublicOnly refuses private networks as well.
	PublicOnly bool
	// Proxy says which requests over HTTP go through a proxy; nil means none.
	Proxy *httpproxy.Config
	// Resolver finds the addresses of names; nil means the system's.
	Resolver *net.Resolver
}

// New returns a Dialer. The error names the option's value that can't be read.
func New(o Options) (*Dialer, error) {
	d := &Dialer{
		allowed:     map[netip.AddrPort]bool{},
		allowedName: map[string]bool{},
		refused:     neverPublic(),
		private:     privateNetworks(),
		publicOnly:  o.PublicOnly,
		resolver:    o.Resolver,
	}
	for _, exception := range o.Allow {
		if err := d.allow(exception); err != nil {
			return nil, err
		}
	}
	for _, text := range o.ClusterNetworks {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("cluster network %q is no network such as 10.42.0.0/16", text)
		}
		d.refused = append(d.refused, network{prefix.Masked(), cluster})
	}
	for _, ip := range o.Around.Addresses {
		d.refused = append(d.refused, network{netip.PrefixFrom(ip, ip.BitLen()), own})
	}
	for _, prefix := range o.Around.Networks {
		d.refused = append(d.refused, network{prefix, cluster})
	}
	if o.Proxy != nil {
		d.useProxy(*o.Proxy)
	}
	return d, nil
}

// allow adds one exception.
func (d *Dialer) allow(exception string) error {
	if prefix, err := netip.ParsePrefix(exception); err == nil {
		d.allowedNetworks = append(d.allowedNetworks, prefix.Masked())
		return nil
	}
	if ip, err := netip.ParseAddr(exception); err == nil {
		d.allowedNetworks = append(d.allowedNetworks, netip.PrefixFrom(plain(ip), plain(ip).BitLen()))
		return nil
	}
	if at, err := netip.ParseAddrPort(exception); err == nil {
		d.allowed[netip.AddrPortFrom(plain(at.Addr()), at.Port())] = true
		return nil
	}
	host, port, err := net.SplitHostPort(exception)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" || strings.ContainsAny(host, "/*@ ") || endsInNumber(host) {
		return fmt.Errorf("exception %q is neither a network such as 10.1.2.0/24 nor HOST:PORT", exception)
	}
	d.allowedName[nameOf(exception)] = true
	return nil
}

// useProxy has HTTP requests go through proxies, which are reached wherever they
// are: the platform team named them.
func (d *Dialer) useProxy(config httpproxy.Config) {
	d.proxy = config.ProxyFunc()
	for _, text := range []string{config.HTTPProxy, config.HTTPSProxy} {
		proxy, err := url.Parse(text)
		if err != nil || proxy.Host == "" {
			proxy, err = url.Parse("http://" + text)
		}
		if err == nil && proxy.Host != "" {
			d.allowedName[nameOf(AddressOf(proxy))] = true
		}
	}
}

// AddressOf returns the HOST:PORT that a URL means.
func AddressOf(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	case strings.HasPrefix(u.Scheme, "socks5"):
		port = "1080"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// nameOf gives HOST:PORT the one form that it is compared in.
func nameOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return strings.ToLower(address)
	}
	return net.JoinHostPort(strings.ToLower(strings.TrimSuffix(host, ".")), port)
}
