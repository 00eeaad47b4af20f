package scm

import (
	"net/http"
	"sync"
	"time"
)

// paced keeps the rate of calls that a forge asks for: once an answer says to
// wait, further calls with the same credentials fail at once, with the time
// that is left, instead of making it worse. It is safe for concurrent use.
type paced struct {
	next http.RoundTripper
	now  func() time.Time

	mu    sync.Mutex
	until time.Time
}

// RoundTrip makes the call, unless the forge asked for a pause.
func (p *paced) RoundTrip(req *http.Request) (*http.Response, error) {
	if left := p.left(); left > 0 {
		if req.Body != nil {
			_ = req.Body.Close() // a RoundTripper owns the body
		}
		return nil, Limited("wait for "+req.URL.Host, left)
	}
	resp, err := p.next.RoundTrip(req)
	if err == nil {
		p.note(resp)
	}
	return resp, err
}

func (p *paced) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.until.Sub(p.now())
}

// note remembers the pause that an answer asks for.
func (p *paced) note(resp *http.Response) {
	after, limited := limit(resp, p.now())
	if !limited {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = p.now().Add(min(after, maxWait))
}
