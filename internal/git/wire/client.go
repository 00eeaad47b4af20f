package wire

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"time"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/git"
)

// Client opens sessions with remotes and keeps their connections warm. It is
// safe for concurrent use.
type Client struct {
	scratch   string // directory for known_hosts files while they are parsed
	idle      time.Duration
	listTime  time.Duration
	dialer    *dial.Dialer
	transport *http.Transport
	trusting  *lru.Cache // *http.Transport by the digest of the authorities that it trusts
}

// maxTrusting bounds the transports for servers with certificate authorities of their own.
const maxTrusting = 64

// headerTimeout is how long a server may count objects before it answers.
const headerTimeout = 2 * time.Minute

// NewClient makes a client. The directory scratch must exist before the first
// session over ssh connects.
func NewClient(scratch string, limits git.Limits, dialer *dial.Dialer) *Client {
	transport := dialer.Transport()
	transport.ResponseHeaderTimeout = headerTimeout
	return &Client{scratch: scratch, idle: limits.StallTime, listTime: limits.ListTime, dialer: dialer, transport: transport, trusting: lru.NewWithEvictionFunc(maxTrusting, closeIdle)}
}

func closeIdle(_ lru.Key, transport any) { transport.(*http.Transport).CloseIdleConnections() }

// transportOf returns the transport for a remote.
func (c *Client) transportOf(r git.Remote) (*http.Transport, error) {
	if len(r.Authority) == 0 {
		return c.transport, nil
	}
	digest := sha256.Sum256(r.Authority)
	if known, found := c.trusting.Get(digest); found {
		return known.(*http.Transport), nil
	}
	dialer, err := c.dialer.Trusting(r.Authority)
	if err != nil {
		return nil, err
	}
	transport := dialer.Transport()
	transport.ResponseHeaderTimeout = headerTimeout
	c.trusting.Add(digest, transport)
	return transport, nil
}

// Open checks the remote and makes a session with it; nothing is sent yet.
func (c *Client) Open(r git.Remote) (Endpoint, Session, error) {
	where, err := ParseEndpoint(r)
	if err != nil {
		return Endpoint{}, nil, err
	}
	if _, err := refPatterns(r); err != nil {
		return Endpoint{}, nil, err
	}
	if where.scheme == "ssh" {
		return where, newSSHSession(c, where, r.Credentials), nil
	}
	transport, err := c.transportOf(r)
	if err != nil {
		return Endpoint{}, nil, err
	}
	return where, newHTTPSession(c, where, r.Credentials, transport), nil
}

// Close closes idle connections.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
	c.trusting.Clear()
}

// List asks for the refs of a remote that match its patterns. A server that
// lists more than limit refs is refused.
func List(ctx context.Context, s Session, r git.Remote, limit int) (*Listing, error) {
	patterns, err := refPatterns(r)
	if err != nil {
		return nil, err
	}
	return s.List(ctx, patterns, limit)
}

// MayRefuseDepth says whether a request may have failed for its depth alone.
func MayRefuseDepth(ctx context.Context, err error) bool {
	var status *statusError
	var redirect *redirectError
	return err != nil && ctx.Err() == nil && !errors.Is(err, git.ErrTooLarge) && !errors.As(err, &status) && !errors.As(err, &redirect)
}
