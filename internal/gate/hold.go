package gate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/entrance"
)

// Bounds of requests that wait until their preview is awake.
const (
	maxHeldTime  = time.Minute
	maxHeld      = 1000
	maxHeldBody  = 1 << 20  // of one
	maxHeldBytes = 64 << 20 // of all bodies
)

// How a preview that wakes is looked at.
const (
	probeEvery   = 200 * time.Millisecond
	probeTimeout = time.Second
)

// Why a request is held no longer.
var (
	errGone    = errors.New("the preview is gone")
	errFailed  = errors.New("the preview does not run")
	errTooLong = errors.New("the preview takes longer to wake")
	errTooMany = errors.New("too many requests wait for previews already")
	errTooBig  = errors.New("the request is too large to be kept until the preview is awake")
)

// held counts requests that wait, and the bytes of their bodies.
type held struct {
	mu              sync.Mutex
	requests, bytes int
}

// enter gives a request a place, with so many bytes.
func (h *held) enter(bytes int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.requests >= maxHeld || h.bytes+bytes > maxHeldBytes {
		return false
	}
	h.requests++
	h.bytes += bytes
	return true
}

func (h *held) leave(bytes int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests--
	h.bytes -= bytes
}

// hold keeps a request until the preview answers at a port. The body that it returns in
// place of the request's is in memory. A request holds the bytes that its body may have
// from its beginning: what is read is bounded before it is read.
func (g *Gate) hold(w http.ResponseWriter, r *http.Request, p *preview, port int32) error {
	size, err := reserve(r)
	if err != nil {
		return err
	}
	if !g.held.enter(size) {
		return errTooMany
	}
	defer g.held.leave(size)
	ctx, cancel := context.WithTimeoutCause(r.Context(), g.heldTime, errTooLong)
	defer cancel()
	if err := keepBody(ctx, w, r); err != nil {
		return err
	}
	return g.await(ctx, p, port)
}

// reserve returns how many bytes the body of a request may have.
func reserve(r *http.Request) (int, error) {
	switch {
	case r.ContentLength > maxHeldBody:
		return 0, errTooBig
	case r.ContentLength < 0:
		return maxHeldBody, nil
	}
	return int(r.ContentLength), nil
}

// keepBody reads a request's body into memory.
func keepBody(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	control := http.NewResponseController(w)
	if deadline, set := ctx.Deadline(); set {
		_ = control.SetReadDeadline(deadline) // a test's writer has none
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxHeldBody+1))
	_ = control.SetReadDeadline(time.Time{})
	switch {
	case err != nil:
		return err
	case len(body) > maxHeldBody:
		return errTooBig
	}
	r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return nil
}

// await waits until the pods of a preview take connections.
func (g *Gate) await(ctx context.Context, p *preview, port int32) error {
	for {
		now := p.view()
		switch {
		case now.gone:
			return errGone
		case now.State != entrance.Asleep && p.answers(ctx, now.Backends[port], g.dialer.DialContext):
			return nil
		case now.State == entrance.Awake && now.Phase == v1alpha1.PhaseFailed:
			return errFailed
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-now.changed:
		case <-time.After(probeEvery):
		}
	}
}

// probes remembers when the backends of a preview last took a connection, so that many
// requests that wait look together.
type probes struct {
	mu   sync.Mutex
	last map[string]probe
}

type probe struct {
	at time.Time
	ok bool
}

// answers reports whether an address takes connections.
func (p *probes) answers(ctx context.Context, address string, dial func(ctx context.Context, network, address string) (net.Conn, error)) bool {
	if address == "" {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if known := p.last[address]; time.Since(known.at) < probeEvery {
		return known.ok
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	connection, err := dial(ctx, "tcp", address)
	if err == nil {
		_ = connection.Close()
	}
	if p.last == nil {
		p.last = map[string]probe{}
	}
	p.last[address] = probe{time.Now(), err == nil}
	return err == nil
}
