package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-dev/slipway/internal/git"
)

// errStalled stops a server that has gone silent.
var errStalled = errors.New("the server stopped sending")

// boundedReader fails with errTooLarge after max bytes.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.atLimit()
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}

// atLimit distinguishes a body that ends exactly at the limit from a longer one.
func (b *boundedReader) atLimit() error {
	var one [1]byte
	n, err := b.r.Read(one[:])
	if n > 0 {
		return git.ErrTooLarge
	}
	return err
}

// meteredConn counts all that a server sends over a connection, whatever it is
// for, and reads no more than was allowed.
type meteredConn struct {
	net.Conn
	left atomic.Int64
}

// allow lets the server send more.
func (c *meteredConn) allow(bytes int64) { c.left.Add(bytes) }

// Read reads what is allowed. The connection is of no use after that.
func (c *meteredConn) Read(p []byte) (int, error) {
	if c.left.Load() <= 0 {
		return 0, git.ErrTooLarge
	}
	n, err := c.Conn.Read(p)
	c.left.Add(-int64(n))
	return n, err
}

// watchdog cancels a context when nothing was read for a while.
type watchdog struct {
	io.ReadCloser
	idle    time.Duration
	timer   *time.Timer
	stalled *atomic.Bool
	cancel  context.CancelCauseFunc
	once    sync.Once
}

// watch wraps a body whose context is cancelled by cancel after idle silence.
func watch(body io.ReadCloser, idle time.Duration, cancel context.CancelCauseFunc) *watchdog {
	stalled := new(atomic.Bool)
	return &watchdog{
		ReadCloser: body,
		idle:       idle,
		timer: time.AfterFunc(idle, func() {
			stalled.Store(true)
			cancel(errStalled)
		}),
		stalled: stalled,
		cancel:  cancel,
	}
}

func (w *watchdog) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.timer.Reset(w.idle)
	if err != nil && w.stalled.Load() {
		err = errStalled
	}
	return n, err
}

// Close ends the watch, the body and its context.
func (w *watchdog) Close() error {
	var err error
	w.once.Do(func() {
		w.timer.Stop()
		err = w.ReadCloser.Close()
		w.cancel(nil)
	})
	return err
}

// headBuffer keeps the first bytes written to it.
type headBuffer struct {
	buf bytes.Buffer
	max int
}

func (b *headBuffer) Write(p []byte) (int, error) {
	if room := b.max - b.buf.Len(); room > 0 {
		b.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (b *headBuffer) String() string { return b.buf.String() }
