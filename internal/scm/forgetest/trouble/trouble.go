package trouble

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is how the forge misbehaves.
type Fault struct {
	Delay  time.Duration // wait first
	Reset  bool          // then reset the connection
	Status int           // or answer this; 0: answer normally
	Header http.Header
	Body   string // empty: GitHub's JSON error with the status as message
	Times  int    // how often; 0: until it is removed
}

// RateLimited is GitHub's answer when the hour's requests are used up.
func RateLimited(until time.Time) Fault {
	return Fault{
		Status: http.StatusForbidden,
		Header: http.Header{"X-Ratelimit-Limit": {"5000"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {strconv.FormatInt(until.Unix(), 10)}},
		Body:   `{"message":"API rate limit exceeded for user ID 1.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"}`,
	}
}

// TooMany is GitHub's answer to requests in too quick succession.
func TooMany(retryAfter time.Duration) Fault {
	return Fault{
		Status: http.StatusTooManyRequests,
		Header: http.Header{"Retry-After": {strconv.Itoa(int(retryAfter.Seconds()))}},
		Body:   `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`,
	}
}

// rule is a fault for the requests that match a pattern.
type rule struct {
	method, pattern string
	fault           Fault
	left            int // -1: no end
}

// Faults are the faults in force. The zero value has none. They are safe for
// concurrent use.
type Faults struct {
	mu    sync.Mutex
	rules []*rule
}

// Break makes requests fail. The pattern is a method or *, a space, and a path
// without /api/v3 in which * stands for one segment and a trailing ** for the
// rest: "POST /repos/*/*/statuses/*", "* /**". The newest fault that matches
// counts. The returned function removes it.
func (t *Faults) Break(pattern string, fault Fault) (repair func()) {
	method, rest, _ := strings.Cut(pattern, " ")
	one := &rule{method: method, pattern: rest, fault: fault, left: fault.Times}
	if fault.Times <= 0 {
		one.left = -1
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rules = append(t.rules, one)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		one.left = 0
	}
}

func (r *rule) matches(method, at string) bool {
	if r.left == 0 || (r.method != "*" && r.method != method) {
		return false
	}
	if prefix, ok := strings.CutSuffix(r.pattern, "**"); ok {
		n := strings.Count(prefix, "/")
		parts := strings.SplitAfterN(at, "/", n+1)
		if len(parts) <= n {
			return false
		}
		at = strings.Join(parts[:n], "")
		matched, _ := path.Match(prefix, at)
		return matched
	}
	matched, _ := path.Match(r.pattern, at)
	return matched
}

// Misbehave applies the newest fault that matches. It returns false when the
// request is to be answered normally.
func (t *Faults) Misbehave(w http.ResponseWriter, r *http.Request, path string) bool {
	fault, ok := t.find(r.Method, path)
	if !ok {
		return false
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			return true
		}
	}
	if fault.Reset {
		reset(w)
		return true
	}
	if fault.Status == 0 {
		return false
	}
	for name, values := range fault.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	body := fault.Body
	if body == "" {
		body = fmt.Sprintf(`{"documentation_url":"https://docs.github.com/rest","message":%q}`, http.StatusText(fault.Status))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(fault.Status)
	_, _ = io.WriteString(w, body)
	return true
}

func (t *Faults) find(method, path string) (Fault, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.rules) - 1; i >= 0; i-- {
		one := t.rules[i]
		if !one.matches(method, path) {
			continue
		}
		if one.left > 0 {
			one.left--
		}
		return one.fault, true
	}
	return Fault{}, false
}

// reset ends a connection without a word, so that the client sees a reset.
func reset(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
