package scm

import (
	"net/http"
	"sync"
	"time"
)

// pacedTransport keeps the rate of calls that a forge asks for: once an answer says to
// wait, further calls with the same credentials fail at once, with the time
// that is left, instead of making it worse. It is safe for concurrent use.
type pacedTransport struct {
	next http.RoundTripper
	now  func() time.Time

	mu    sync.Mutex
	until time.Time
}

// RoundTrip makes the call, unless the forge asked for a pause.
func (p *pacedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if left := p.left(); left > 0 {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper owns the body
		}
		return nil, Limited("wait for "+req.URL.Host, left)
	}
	resp, err := p.next.RoundTrip(req)
	if err == nil {
		p.record(resp)
	}
	return resp, err
}

func (p *pacedTransport) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until.Sub(p.now())
}

// record remembers the pause that an answer asks for.
func (p *pacedTransport) record(resp *http.Response) {
	after, limited := rateLimit(resp, p.now())
	if !limited {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = p.now().Add(min(after, maxWait))
}
