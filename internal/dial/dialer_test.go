package dial_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/http/httpproxy"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
)

// names is a name server, which gives each name its addresses; the next
// question for the name gets the next ones.
type names struct {
	mu    sync.Mutex
	of    map[string][][]string
	asked map[string]int
}

// resolver returns a resolver that asks the name server.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.asked = map[string]int{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.serve(conn)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) serve(conn net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		size, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var question dnsmessage.Message
		if question.Unpack(buffer[:size]) != nil || len(question.Questions) != 1 {
			continue
		}
		answer := n.answer(question)
		if packed, err := answer.Pack(); err == nil {
			_, _ = conn.WriteTo(packed, from)
		}
	}
}

func (n *names) answer(question dnsmessage.Message) dnsmessage.Message {
	asked := question.Questions[0]
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: question.ID, Response: true, RecursionAvailable: true}, Questions: question.Questions}
	name := strings.ToLower(strings.TrimSuffix(asked.Name.String(), "."))
	n.mu.Lock()
	defer n.mu.Unlock()
	all, known := n.of[name]
	if !known {
		answer.RCode = dnsmessage.RCodeNameError
		return answer
	}
	addresses := all[min(n.asked[name], len(all)-1)]
	if asked.Type == dnsmessage.TypeA {
		n.asked[name]++
	}
	for _, address := range addresses {
		ip := netip.MustParseAddr(address)
		header := dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: dnsmessage.ClassINET}
		switch {
		case ip.Is4() && asked.Type == dnsmessage.TypeA:
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && asked.Type == dnsmessage.TypeAAAA:
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return answer
}

// counted is a server that counts the connections that it gets.
func counted(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server, &connections
}

func newDialer(t *testing.T, o dial.Options) *dial.Dialer {
	t.Helper()
	d, err := dial.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func get(t *testing.T, d *dial.Dialer, url string) (*http.Response, error) {
	t.Helper()
	transport := d.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("x", "token")
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err == nil {
		t.Cleanup(func() { _ = response.Body.Close() })
	}
	return response, err
}

// TestNamesOfOurselves connects to the loopback by every way of naming it. The
// server must not see a connection, let alone a credential.
func TestNamesOfOurselves(t *testing.T) {
	server, connections := counted(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	dns := &names{of: map[string][][]string{
		"evil.example": {{"127.0.0.1"}}, "mapped.example": {{"::ffff:127.0.0.1"}}, "six.example": {{"::1"}}, "zero.example": {{"0.0.0.0"}},
		"nat64.example": {{"64:ff9b::7f00:1"}}, "many.example": {{"127.0.0.1", "127.0.0.2", "::1"}},
	}}
	d := newDialer(t, dial.Options{Resolver: dns.resolver(t)})
	for _, host := range []string{
		"127.0.0.1", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0", "[::]", "localhost", "LOCALHOST",
		"evil.example", "EVIL.example", "mapped.example", "six.example", "zero.example", "nat64.example", "many.example",
		"127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.0x1", "017700000001", "127.0.0.1.", "0", "0x", "[::ffff:0:127.0.0.1]",
	} {
		response, err := get(t, d, "http://"+host+":"+port+"/")
		var coded *fault.Error
		if err == nil || !errors.As(err, &coded) {
			t.Errorf("%s: %v, %v; want a refusal", host, response, err)
			continue
		}
		if coded.Code != fault.Denied && coded.Code != fault.Invalid {
			t.Errorf("%s: %s: %v", host, coded.Code, err)
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("the server saw %d connections", n)
	}
}

// TestNameThatMoves has a name that is allowed at first, and ours later: each
// connection is checked, not the name.
func TestNameThatMoves(t *testing.T) {
	server, connections := counted(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	dns := &names{of: map[string][][]string{"moves.example": {{"127.0.0.1"}, {"127.0.0.2"}}}}
	d := newDialer(t, dial.Options{Resolver: dns.resolver(t), Allow: []string{"127.0.0.1"}})
	if _, err := get(t, d, "http://moves.example:"+port); err != nil {
		t.Fatalf("where it was: %v", err)
	}
	if _, err := get(t, d, "http://moves.example:"+port); fault.CodeOf(err) != fault.Denied {
		t.Errorf("where it is: %v", err)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("the server saw %d connections, want the first", n)
	}
}

func TestAllowedName(t *testing.T) {
	server, _ := counted(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	dns := &names{of: map[string][][]string{"forge.example": {{"127.0.0.1"}}, "other.example": {{"127.0.0.1"}}}}
	d := newDialer(t, dial.Options{Resolver: dns.resolver(t), Allow: []string{"Forge.example:" + port}})
	if _, err := get(t, d, "http://forge.example.:"+port); err != nil {
		t.Errorf("an allowed name: %v", err)
	}
	for _, url := range []string{"http://other.example:" + port, "http://forge.example:1", "http://127.0.0.1:" + port} {
		if _, err := get(t, d, url); fault.CodeOf(err) != fault.Denied {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestRedirectToOurselves follows a redirect of an allowed server.
func TestRedirectToOurselves(t *testing.T) {
	inside, connections := counted(t, func(http.ResponseWriter, *http.Request) {})
	outside, _ := counted(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside.URL, http.StatusFound) })
	d := newDialer(t, dial.Options{Allow: []string{outside.Listener.Addr().String()}})
	if _, err := get(t, d, outside.URL); fault.CodeOf(err) != fault.Denied {
		t.Errorf("the redirect: %v", err)
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("the server inside saw %d connections", n)
	}
}

// TestProxy sends requests through a proxy, which would reach everything.
func TestProxy(t *testing.T) {
	var proxied atomic.Value
	proxy, connections := counted(t, func(w http.ResponseWriter, r *http.Request) { proxied.Store(r.URL.String()) })
	dns := &names{of: map[string][][]string{"forge.example": {{"140.82.121.4"}}, "kubernetes.default.svc": {{"10.43.0.1"}}, "evil.example": {{"140.82.121.4", "127.0.0.1"}}}}
	d := newDialer(t, dial.Options{
		Resolver: dns.resolver(t), ClusterNetworks: []string{"10.43.0.0/16"},
		Proxy: &httpproxy.Config{HTTPProxy: proxy.URL, NoProxy: "direct.example"},
	})
	for _, url := range []string{"http://forge.example/", "http://only-the-proxy-knows.example/", "http://140.82.121.4/"} {
		if _, err := get(t, d, url); err != nil || proxied.Load() != url {
			t.Errorf("%s: %v; the proxy got %v", url, err, proxied.Load())
		}
	}
	before := connections.Load()
	for _, url := range []string{"http://kubernetes.default.svc/", "http://evil.example/", "http://169.254.169.254/", "http://2852039166/", "http://10.43.7.7:8080/", "http://[::ffff:169.254.169.254]/"} {
		if response, err := get(t, d, url); err == nil {
			t.Errorf("%s went through the proxy: %s", url, response.Status)
		}
	}
	if n := connections.Load(); n != before {
		t.Errorf("the proxy saw %d more connections", n-before)
	}
}

func TestOnly(t *testing.T) {
	server, _ := counted(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://localhost:1/", http.StatusFound)
	})
	where, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := dial.Only(where)
	if conn, err := d.DialContext(t.Context(), "tcp", server.Listener.Addr().String()); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
	if _, err := get(t, d, server.URL); fault.CodeOf(err) != fault.Denied {
		t.Errorf("another place: %v", err)
	}
	if _, err := dial.Unrestricted().DialContext(t.Context(), "unix", "/run/x.sock"); fault.CodeOf(err) != fault.Internal {
		t.Errorf("a socket file: %v", err)
	}
}
