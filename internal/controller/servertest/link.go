package servertest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Mood is how a link treats connections.
type Mood struct {
	// Delay holds back everything that passes, each way.
	Delay time.Duration
	// Refuse takes no connection, Reset takes and breaks every one. Those that
	// are open break too.
	Refuse, Reset bool
	// Cut is called once, when the target has sent After bytes since the mood
	// was set; what it sends later does not pass.
	Cut   func()
	After int
}

// Link is a network connection to a neighbour that can be disturbed. It is
// safe for concurrent use; Close ends it.
type Link struct {
	Address string // host:port

	target string

	mu       sync.Mutex
	mood     Mood
	listener net.Listener
	open     map[net.Conn]bool
	taken    int
	answered int // bytes from the target since the mood was set
	wait     sync.WaitGroup
}

// NewLink makes a link to host:port.
func NewLink(target string) (*Link, error) {
	l := &Link{target: target, open: map[net.Conn]bool{}}
	if err := l.listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	l.Address = l.listener.Addr().String()
	return l, nil
}

// Set changes the mood. Connections that are open go on in a new mood only
// when it breaks them.
func (l *Link) Set(mood Mood) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mood, l.answered = mood, 0
	if mood.Refuse || mood.Reset {
		l.breakAll()
	}
	if mood.Refuse && l.listener != nil {
		_ = l.listener.Close()
		l.listener = nil
	}
	if !mood.Refuse && l.listener == nil {
		return l.listen(l.Address)
	}
	return nil
}

// Taken returns how many connections were asked for while the link listened.
func (l *Link) Taken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// Close ends the link.
func (l *Link) Close() {
	l.mu.Lock()
	if l.listener != nil {
		_ = l.listener.Close()
		l.listener = nil
	}
	l.breakAll()
	l.mu.Unlock()
	l.wait.Wait()
}

// listen takes connections; the caller holds the lock, or owns the link.
func (l *Link) listen(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for a link to %s: %w", l.target, err)
	}
	l.listener = listener
	l.wait.Go(func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			l.wait.Go(func() { l.carry(connection) })
		}
	})
	return nil
}

// breakAll resets what is open; the caller holds the lock.
func (l *Link) breakAll() {
	for connection := range l.open {
		reset(connection)
	}
}

func reset(connection net.Conn) {
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// carry connects a sender with the target until one of them ends.
func (l *Link) carry(sender net.Conn) {
	l.mu.Lock()
	mood := l.mood
	l.taken++
	l.open[sender] = true
	l.mu.Unlock()
	defer l.forget(sender)
	if mood.Reset || mood.Refuse {
		reset(sender)
		return
	}
	target, err := net.Dial("tcp", l.target)
	if err != nil {
		reset(sender)
		return
	}
	l.mu.Lock()
	l.open[target] = true
	l.mu.Unlock()
	defer l.forget(target)
	var both sync.WaitGroup
	both.Go(func() { l.pour(target, sender, func(n int) int { return n }) })
	both.Go(func() { l.pour(sender, target, l.answer) })
	both.Wait()
}

// answer returns how many of n bytes from the target may pass.
func (l *Link) answer(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.answered
	l.answered += n
	if l.mood.Cut == nil || l.answered < l.mood.After {
		return n
	}
	if before < l.mood.After {
		l.wait.Go(l.mood.Cut)
	}
	return max(l.mood.After-before, 0)
}

// pour copies one way, each piece as late as the mood says, and no more of it
// than may pass.
func (l *Link) pour(to, from net.Conn, pass func(int) int) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		delay := l.mood.Delay
		l.mu.Unlock()
		if n > 0 {
			time.Sleep(delay)
			if _, err := to.Write(buffer[:pass(n)]); err != nil {
				return
			}
		}
		if err != nil {
			if err != io.EOF { //nolint:errorlint // net.Conn returns it bare
				reset(to)
			}
			return
		}
	}
}

func (l *Link) forget(connection net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = connection.Close()
	delete(l.open, connection)
}
