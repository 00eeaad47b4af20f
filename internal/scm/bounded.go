package scm

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Bounds of what a forge may cost.
const (
	callTimeout = 30 * time.Second
	maxAnswer   = 8 << 20 // bytes of one answer
	maxObjects  = 20_000  // JSON objects and arrays in one answer: each takes many times its bytes in memory

	exchangeTimeout = 2 * time.Minute
	maxExchange     = 64 << 20 // bytes of all answers of an exchange

	// An answer with more than that is large, and few are read at the same time.
	largeAnswer   = 1 << 20
	largeObjects  = 4_000
	parallelLarge = 4
)

// exchangeKey is the key of an exchange's budget in a context.
type exchangeKey struct{}

// Exchange begins calls that belong together, such as those for the pages of a
// list: they have one deadline, and one budget of bytes. Cancel ends it.
func Exchange(ctx context.Context) (context.Context, context.CancelFunc) {
	budget := new(atomic.Int64)
	budget.Store(maxExchange)
	return context.WithTimeout(context.WithValue(ctx, exchangeKey{}, budget), exchangeTimeout)
}

// boundedTransport ends calls that take too long and answers that are too long. The
// time is bounded here and not by http.Client.Timeout, which keeps a goroutine
// for every answer that isn't closed; go-github doesn't close those it reads
// an error from. It is safe for concurrent use.
type boundedTransport struct {
	next  http.RoundTripper
	large *semaphore.Weighted // held while a large answer is read
}

// Bounded returns a transport with bounds on time and bytes of each call, and on
// the memory of all answers that are read at the same time. Clients of one
// server share one.
func Bounded(next http.RoundTripper) http.RoundTripper {
	if bounded, already := next.(*boundedTransport); already {
		return bounded
	}
	return &boundedTransport{next: next, large: semaphore.NewWeighted(parallelLarge)}
}

// RoundTrip makes the call; its time runs until the answer is read or closed.
func (b *boundedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), callTimeout)
	resp, err := b.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	exchange, _ := ctx.Value(exchangeKey{}).(*atomic.Int64)
	resp.Body = &boundedBody{
		body: resp.Body, host: req.URL.Host, left: maxAnswer, exchange: exchange, cancel: cancel,
		enlarge: func() error { return b.large.Acquire(ctx, 1) }, shrink: func() { b.large.Release(1) },
	}
	return resp, nil
}

// boundedBody is an answer's body that frees its call when it ends. It is used by
// one goroutine.
type boundedBody struct {
	body     io.ReadCloser
	host     string
	left     int64         // bytes
	exchange *atomic.Int64 // bytes of the exchange; nil outside one
	shape    shape
	cancel   context.CancelFunc

	isLarge, ended bool
	enlarge        func() error
	shrink         func()
}

// Read reads on until the end or a bound. A longer answer is an error: half of
// one would be taken for a broken one.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 || b.shape.values > maxObjects || b.exchange != nil && b.exchange.Load() < 0 {
		b.end()
		return 0, fault.New(fault.Unavailable, "%s answers with more than a forge's API would, of which Slipway reads %d MiB; check the API's URL", b.host, maxAnswer>>20)
	}
	if !b.isLarge && (b.left < maxAnswer-largeAnswer || b.shape.values > largeObjects) {
		if err := b.enlarge(); err != nil {
			b.end()
			return 0, err
		}
		b.isLarge = true
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1] // one more byte than allowed shows that there is more
	}
	n, err := b.body.Read(p)
	b.left -= int64(n)
	if b.exchange != nil {
		b.exchange.Add(-int64(n))
	}
	b.shape.read(p[:n])
	switch {
	case errors.Is(err, io.EOF):
		b.cancel()
	case err != nil:
		b.end() // go-github does not close it
	}
	return n, err
}

// Close frees the call, and its connection unless the answer was read.
func (b *boundedBody) Close() error {
	b.end()
	return b.body.Close()
}

// end frees what the call holds.
func (b *boundedBody) end() {
	b.cancel()
	if b.isLarge && !b.ended {
		b.shrink()
	}
	b.ended = true
}

// shape counts the objects and arrays of JSON as it passes by.
type shape struct {
	values          int
	inText, escaped bool
}

func (s *shape) read(p []byte) {
	for _, c := range p {
		switch {
		case s.escaped:
			s.escaped = false
		case s.inText && c == '\\':
			s.escaped = true
		case c == '"':
			s.inText = !s.inText
		case !s.inText && (c == '{' || c == '['):
			s.values++
		}
	}
}
