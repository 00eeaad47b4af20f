package webhook

import (
	"net"
	"slices"
	"sync"
)

// Bounds of the connections that are open at the same time. Nobody has shown who
// they are before a delivery is read, so that one address gets a part only; all
// of them together need less memory than request bodies may take.
const (
	maxConnections = 4096
	maxPerAddress  = maxConnections / 4
)

// Listener accepts a bounded number of connections, in all and of one address.
// Further ones are closed at once. It is safe for concurrent use.
type Listener struct {
	net.Listener
	most, mostOfOne int
	proxies         []*net.IPNet

	mu   sync.Mutex
	open map[string]int // by address
	all  int
}

// NewListener bounds the connections of a listener. The networks of proxies, which
// bring the connections of many, may have all of them.
func NewListener(listener net.Listener, proxies []*net.IPNet) *Listener {
	return &Listener{Listener: listener, most: maxConnections, mostOfOne: maxPerAddress, proxies: proxies, open: map[string]int{}}
}

// Accept returns the next connection that has a place.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := l.key(conn.RemoteAddr())
		if l.enter(from) {
			return &placedConn{Conn: conn, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		_ = conn.Close()
	}
}

// key returns what the connections of one address are counted by; empty for a
// proxy.
func (l *Listener) key(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return address.String()
	}
	if slices.ContainsFunc(l.proxies, func(n *net.IPNet) bool { return n.Contains(tcp.IP) }) {
		return ""
	}
	return sender(tcp.AddrPort().Addr().String())
}

func (l *Listener) enter(from string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.most || from != "" && l.open[from] >= l.mostOfOne {
		return false
	}
	l.all++
	l.open[from]++
	return true
}

func (l *Listener) leave(from string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.open[from]--; l.open[from] == 0 {
		delete(l.open, from)
	}
}

// placedConn gives its place back when it is closed.
type placedConn struct {
	net.Conn
	leave func()
}

// Close closes the connection.
func (c *placedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
