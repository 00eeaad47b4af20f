package dial

import (
	"net/netip"
	"slices"
)

// network is a range of addresses, and what it is in a sentence.
type network struct {
	prefix netip.Prefix
	what   string
}

const (
	loopback    = "a loopback address, which is this server itself"
	linkLocal   = "a link-local address, where clouds hand out credentials"
	metadata    = "the address of a cloud's metadata service, which hands out credentials"
	multicast   = "a multicast address"
	unspecified = "an address that means this host"
	reserved    = "an address that is reserved, and no host's"
	transition  = "an address of a translation mechanism, which can stand for any other"
	private     = "a private address"
	cluster     = "in a network of the cluster that Slipway runs in"
	own         = "an address of this server itself"
)

// neverPublic are the networks that no host on the internet is in, and the
// metadata services that stand in others. The first that holds an address names
// it.
func neverPublic() []network {
	return networks([][2]string{
		{"127.0.0.0/8", loopback}, {"::1/128", loopback},
		{"0.0.0.0/8", unspecified}, {"::/128", unspecified},
		{"169.254.0.0/16", linkLocal}, {"fe80::/10", linkLocal},
		{"100.100.100.200/32", metadata}, // Alibaba
		{"168.63.129.16/32", metadata},   // Azure
		{"192.0.0.192/32", metadata},     // Oracle
		{"fd00:ec2::/32", metadata},      // AWS
		{"fd20:ce::254/128", metadata},   // Google
		{"fd00:c1::/32", metadata},       // Oracle
		{"fd00:42::42/128", metadata},    // Scaleway
		{"fd00:a9fe:a9fe::/48", metadata},
		{"224.0.0.0/4", multicast}, {"ff00::/8", multicast},
		{"192.0.0.0/24", reserved}, {"192.0.2.0/24", reserved}, {"198.51.100.0/24", reserved}, {"203.0.113.0/24", reserved},
		{"198.18.0.0/15", reserved}, {"240.0.0.0/4", reserved},
		{"192.88.99.0/24", transition}, {"2002::/16", transition}, {"2001::/32", transition},
		{"64:ff9b:1::/48", transition}, {"::ffff:0:0:0/96", transition}, {"::/96", transition},
		{"2001:db8::/32", reserved}, {"3fff::/20", reserved}, {"2001:10::/28", reserved}, {"2001:20::/28", reserved},
	})
}

// privateNetworks are those that a company numbers itself. Self-hosted forges
// and registries are there.
func privateNetworks() []network {
	return networks([][2]string{
		{"10.0.0.0/8", private}, {"172.16.0.0/12", private}, {"192.168.0.0/16", private}, {"100.64.0.0/10", private}, {"fc00::/7", private},
	})
}

func networks(table [][2]string) []network {
	all := make([]network, len(table))
	for i, row := range table {
		all[i] = network{netip.MustParsePrefix(row[0]), row[1]}
	}
	return all
}

// find returns what the first network that holds an address is; empty for none.
func find(in []network, ip netip.Addr) string {
	at := slices.IndexFunc(in, func(n network) bool { return n.prefix.Contains(ip) })
	if at < 0 {
		return ""
	}
	return in[at].what
}

// plain returns the address that packets go to: without the zone, and as IPv4
// when the address is that of an IPv4 host, mapped or translated by NAT64, as
// networks with IPv6 alone do for the whole internet.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.WithZone("").Unmap()
	if !netip.MustParsePrefix("64:ff9b::/96").Contains(ip) {
		return ip
	}
	bytes := ip.As16()
	return netip.AddrFrom4([4]byte(bytes[12:]))
}

// isInternet reports whether an address is one that the internet gives to
// hosts, as far as its first bits say.
func isInternet(ip netip.Addr) bool {
	return ip.Is4() || netip.MustParsePrefix("2000::/3").Contains(ip)
}
