package git

import (
	"context"
	"net/http"
	"time"
)

// client opens sessions with remotes and keeps their connections warm. It is
// safe for concurrent use.
type client struct {
	scratch   string // directory for known_hosts files while they are parsed
	idle      time.Duration
	transport *http.Transport
}

// newClient makes a client. The directory scratch must exist before the first
// session over ssh connects.
func newClient(scratch string, limits Limits) *client {
	return &client{scratch: scratch, idle: limits.StallTime, transport: newHTTPTransport()}
}

// open checks the remote and makes a session with it; nothing is sent yet.
func (c *client) open(r Remote) (endpoint, session, error) {
	where, err := parseEndpoint(r)
	if err != nil {
		return endpoint{}, nil, err
	}
	if _, err := refPatterns(r); err != nil {
		return endpoint{}, nil, err
	}
	if where.scheme == "ssh" {
		return where, newSSHSession(where, r.Credentials, c.scratch, c.idle), nil
	}
	return where, newHTTPSession(c.transport, where, r.Credentials, c.idle), nil
}

// close closes idle connections.
func (c *client) close() { c.transport.CloseIdleConnections() }

// list asks for the refs of a remote that match its patterns. A server that
// lists more than limit refs is refused.
func list(ctx context.Context, s session, r Remote, limit int) (*listing, error) {
	patterns, err := refPatterns(r)
	if err != nil {
		return nil, err
	}
	adv, err := s.refs(ctx)
	if err != nil {
		return nil, err
	}
	return newListing(adv, patterns, limit)
}
