package dial

import (
	"fmt"
	"net"
	"net/netip"
)

// How large the networks of a cluster are at least: what is around the address
// of one pod or Service is taken for the cluster's.
const (
	around4       = 16
	around6       = 64
	aroundPublic4 = 20 // of Services, where a cloud gives them addresses of its own
)

// Surroundings are where the server itself is.
type Surroundings struct {
	Addresses []netip.Addr   // of this machine or pod
	Networks  []netip.Prefix // of the cluster, as far as they can be told from inside
}

// Look returns the surroundings of this process. The service host is the address
// of the API server as pods of a cluster have it in KUBERNETES_SERVICE_HOST, and
// empty outside a cluster.
func Look(serviceHost string) (Surroundings, error) {
	var s Surroundings
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return s, fmt.Errorf("read the addresses of this machine: %w", err)
	}
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil {
			return s, fmt.Errorf("read the addresses of this machine: %w", err)
		}
		ip := plain(prefix.Addr())
		s.Addresses = append(s.Addresses, ip)
		if serviceHost != "" && isPrivate(ip) {
			s.Networks = append(s.Networks, around(ip))
		}
	}
	if ip, err := netip.ParseAddr(serviceHost); err == nil {
		s.Networks = append(s.Networks, around(plain(ip)))
	}
	return s, nil
}

// around returns the network that the address of a pod or Service is in.
func around(ip netip.Addr) netip.Prefix {
	switch {
	case ip.Is6():
		return netip.PrefixFrom(ip, around6).Masked()
	case isPrivate(ip):
		return netip.PrefixFrom(ip, around4).Masked()
	}
	return netip.PrefixFrom(ip, aroundPublic4).Masked()
}

func isPrivate(ip netip.Addr) bool { return find(privateNetworks(), ip) != "" }
