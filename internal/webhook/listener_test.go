package webhook

import (
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestConnectionsAreBounded opens connections that send nothing, more than there
// is room for: those beyond are closed at once, and a place is free when one ends.
func TestConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := NewListener(inner, nil)
	listener.most, listener.mostOfOne = 5, 3
	server := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	answers := func(conn net.Conn) bool {
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		n, _ := conn.Read(make([]byte, 1))
		return n == 1
	}
	var silent []net.Conn
	for range 3 {
		silent = append(silent, dial())
	}
	if surplus := dial(); answers(surplus) {
		t.Error("a fourth connection of one address is served")
	}
	for _, conn := range silent {
		if !answers(conn) {
			t.Error("a connection within the bounds is not served")
		}
	}
	_ = silent[0].Close()
	for !answers(dial()) { // the server hears of it a moment later
		if t.Context().Err() != nil {
			t.Fatal("a place that is free again is not given")
		}
	}
}

func TestPlaces(t *testing.T) {
	_, proxies, err := net.ParseCIDR("10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(nil, []*net.IPNet{proxies})
	l.most, l.mostOfOne = 5, 2
	at := func(ip string) string { return l.key(&net.TCPAddr{IP: net.ParseIP(ip), Port: 1}) }
	for i, step := range []struct {
		from    string
		entered bool
	}{
		{"192.0.2.1", true}, {"::ffff:192.0.2.1", true}, {"192.0.2.1", false}, {"2001:db8::1", true}, {"2001:db8::2", true}, {"2001:db8::3", false},
		{"10.1.1.1", true}, {"10.1.1.1", false}, {"192.0.2.9", false},
	} {
		if got := l.enter(at(step.from)); got != step.entered {
			t.Errorf("step %d: %s entered: %v", i, step.from, got)
		}
	}
	for _, from := range []string{"192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::2", "10.1.1.1"} {
		l.leave(at(from))
	}
	if l.all != 0 || len(l.open) != 0 {
		t.Errorf("%d places of %v are taken after all left", l.all, l.open)
	}
	for range 5 {
		if !l.enter(at("10.1.1.1")) {
			t.Error("a proxy may not have all places")
		}
	}
}
