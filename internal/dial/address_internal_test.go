package dial

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
)

func mustNew(t *testing.T, o Options) *Dialer {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestAddresses walks what an address can be. The words are those of the
// sentence that a user reads; none means that it is dialled.
func TestAddresses(t *testing.T) {
	d := mustNew(t, Options{
		ClusterNetworks: []string{"10.42.0.0/16", "10.43.0.0/16", "fd42::/48"},
		Around:          Surroundings{Addresses: []netip.Addr{netip.MustParseAddr("192.168.7.9")}, Networks: []netip.Prefix{netip.MustParsePrefix("172.20.0.0/16")}},
	})
	public := d.Public()
	for address, want := range map[string]string{
		"127.0.0.1":                     "loopback",
		"127.255.255.254":               "loopback",
		"::1":                           "loopback",
		"::ffff:127.0.0.1":              "loopback",
		"::127.0.0.1":                   "translation",
		"::ffff:0:127.0.0.1":            "translation",
		"64:ff9b::127.0.0.1":            "loopback",
		"64:ff9b::7f00:1":               "loopback",
		"64:ff9b:1::7f00:1":             "translation",
		"2002:7f00:1::":                 "translation",
		"2001::7f00:1":                  "translation",
		"192.88.99.1":                   "translation",
		"0.0.0.0":                       "means this host",
		"0.1.2.3":                       "means this host",
		"::":                            "means this host",
		"169.254.169.254":               "link-local",
		"169.254.170.2":                 "link-local",
		"::ffff:169.254.169.254":        "link-local",
		"64:ff9b::a9fe:a9fe":            "link-local",
		"fe80::1":                       "link-local",
		"fe80::1%eth0":                  "link-local",
		"fe80::a9fe:a9fe":               "link-local",
		"fec0::1":                       "reserved",
		"fd00:ec2::254":                 "metadata",
		"fd00:ec2::23":                  "metadata",
		"fd20:ce::254":                  "metadata",
		"fd00:c1::a9fe:a9fe":            "metadata",
		"fd00:42::42":                   "metadata",
		"fd00:a9fe:a9fe::1":             "metadata",
		"100.100.100.200":               "metadata",
		"168.63.129.16":                 "metadata",
		"192.0.0.192":                   "metadata",
		"224.0.0.1":                     "multicast",
		"239.255.255.250":               "multicast",
		"ff02::1":                       "multicast",
		"255.255.255.255":               "reserved",
		"240.0.0.1":                     "reserved",
		"192.0.2.1":                     "reserved",
		"198.18.0.1":                    "reserved",
		"2001:db8::1":                   "reserved",
		"100::1":                        "reserved",
		"5f00::1":                       "reserved",
		"4000::1":                       "reserved",
		"10.42.3.4":                     "network of the cluster",
		"10.43.0.1":                     "network of the cluster",
		"::ffff:10.43.0.1":              "network of the cluster",
		"64:ff9b::10.43.0.1":            "network of the cluster",
		"fd42::17":                      "network of the cluster",
		"172.20.0.10":                   "network of the cluster",
		"192.168.7.9":                   "this server itself",
		"10.44.0.1":                     "",
		"192.168.7.10":                  "",
		"172.16.0.1":                    "",
		"100.64.0.1":                    "",
		"fd43::1":                       "",
		"140.82.121.4":                  "",
		"64:ff9b::140.82.121.4":         "",
		"2606:50c0:8000::153":           "",
		"::ffff:140.82.121.4":           "",
		"2a01:4f8:0:1::1":               "",
		"1.1.1.1":                       "",
		"11.0.0.1":                      "",
		"172.32.0.1":                    "",
		"192.169.0.1":                   "",
		"100.128.0.1":                   "",
		"128.0.0.1":                     "",
		"169.253.255.255":               "",
		"223.255.255.255":               "",
		"2001:4860:4860::8888":          "",
		"2003::1":                       "",
		"2001:200::1":                   "",
		"2001:0db7:ffff:ffff::1":        "",
		"64:ff9b::64.233.160.0":         "",
		"fd00:ec3::254":                 "",
		"fd20:ce::253":                  "",
		"198.51.99.255":                 "",
		"168.63.129.17":                 "",
		"100.100.100.201":               "",
		"192.0.1.1":                     "",
		"2001:40::1":                    "",
		"2000::1":                       "",
		"3ffe:ffff:ffff:ffff:ffff::1":   "",
		"64:ff9b::8.8.8.8":              "",
		"0:0:0:0:0:ffff:8.8.8.8":        "",
		"2620:fe::fe":                   "",
		"2400:cb00:2048:1::c629:d7a2":   "",
		"fd00:0:0:0:0:0:0:1":            "",
		"fc00::1":                       "",
		"203.0.112.255":                 "",
		"198.20.0.1":                    "",
		"9.255.255.255":                 "",
		"64:ff9b::10.44.0.1":            "",
		"192.167.255.255":               "",
		"172.15.255.255":                "",
		"100.63.255.255":                "",
		"2001:30::1":                    "",
		"2001:f::1":                     "",
		"2001:1::1":                     "",
		"3fff:1000::1":                  "",
		"2001:0:ffff:ffff:ffff:ffff::1": "translation",
		"3fff:fff::1":                   "reserved",
		"2001:20::1":                    "reserved",
		"2001:10::1":                    "reserved",
	} {
		at := netip.AddrPortFrom(netip.MustParseAddr(address), 443)
		err := d.check("evil.example:443", at)
		if got := fault.MessageOf(err); (want == "") != (err == nil) || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
		if err != nil && (fault.CodeOf(err) != fault.Denied || !strings.Contains(err.Error(), "evil.example:443") || !strings.Contains(err.Error(), "outgoing.allow")) {
			t.Errorf("%s: the error %v (%s) does not say what was asked for and how to allow it", address, err, fault.CodeOf(err))
		}
		if private := isPrivate(plain(at.Addr())); private && public.check("evil.example:443", at) == nil {
			t.Errorf("%s is private, and reached for a host that only a file names", address)
		}
	}
}

func TestExceptions(t *testing.T) {
	d := mustNew(t, Options{ClusterNetworks: []string{"10.43.0.0/16"}, Allow: []string{"10.43.1.0/24", "127.0.0.1:3000", "[::1]:3000", "fd00:ec2::254", "64:ff9b:1::/48"}}).Public()
	for address, allowed := range map[string]bool{
		"10.43.1.7:1": true, "10.43.2.7:1": false, "[::ffff:10.43.1.7]:80": true, "[64:ff9b::10.43.1.7]:80": true,
		"127.0.0.1:3000": true, "127.0.0.1:3001": false, "127.0.0.2:3000": false, "[::ffff:127.0.0.1]:3000": true,
		"[::1]:3000": true, "[::1]:80": false, "[fd00:ec2::254]:80": true, "[fd00:ec2::253]:80": false, "[64:ff9b:1::1]:80": true,
		"10.44.0.1:443": false,
	} {
		if err := d.check("a.example:1", netip.MustParseAddrPort(address)); (err == nil) != allowed {
			t.Errorf("%s: %v, allowed: %v", address, err, allowed)
		}
	}
	for _, bad := range []string{"", "10.0.0.0/33", "name", "name:", ":80", "name:http", "name:99999", "http://name:80", "*.example:80", "0x7f.1:80", "user@host:22", "10.1.2"} {
		if _, err := New(Options{Allow: []string{bad}}); err == nil {
			t.Errorf("exception %q is accepted", bad)
		}
		if _, err := New(Options{ClusterNetworks: []string{bad}}); err == nil {
			t.Errorf("cluster network %q is accepted", bad)
		}
	}
}

func TestSurroundings(t *testing.T) {
	for address, want := range map[string]string{
		"10.42.3.7": "10.42.0.0/16", "10.96.0.1": "10.96.0.0/16", "34.118.224.1": "34.118.224.0/20", "fd00:10:96::1": "fd00:10:96::/64",
	} {
		if got := around(netip.MustParseAddr(address)); got.String() != want {
			t.Errorf("around %s is %s, want %s", address, got, want)
		}
	}
	inside, err := Look("10.43.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := mustNew(t, Options{Around: inside}).check("kubernetes.default.svc:443", netip.MustParseAddrPort("10.43.200.1:443")); fault.CodeOf(err) != fault.Denied {
		t.Errorf("another Service of the cluster: %v", err)
	}
	outside, err := Look("")
	if err != nil || len(outside.Networks) != 0 || len(outside.Addresses) == 0 {
		t.Errorf("outside a cluster: %+v, %v", outside, err)
	}
}
