package forgetest

import (
	"bytes"
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// recordedBytes is how much of a request's body is kept, git's excepted.
const recordedBytes = 1 << 20

// Request is what somebody asked of the forge.
type Request struct {
	Method string
	Path   string // without /api/v3
	Query  string
	Header http.Header
	Body   []byte // empty for git requests
	At     time.Time
}

// Requests returns everything asked so far, oldest first.
func (f *Forge) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Request(nil), f.requests...)
}

// ForgetRequests empties the record.
func (f *Forge) ForgetRequests() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = nil
}

func (f *Forge) record(r *http.Request, path string) {
	entry := Request{Method: r.Method, Path: path, Query: r.URL.RawQuery, Header: r.Header.Clone(), At: f.clock()}
	if !isGit(r.URL.Path) && r.Body != nil {
		entry.Body, _ = io.ReadAll(io.LimitReader(r.Body, recordedBytes)) // a body that breaks off is short for the handler too
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(entry.Body), r.Body))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, entry)
}

// Fault is how the forge misbehaves.
type Fault struct {
	Delay  time.Duration // wait first
	Reset  bool          // then reset the connection
	Status int           // or answer this; 0: answer normally
	Header http.Header
	Body   string // empty: GitHub's JSON error with Message
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

// Break makes requests fail. The pattern is a method or *, a space, and a path
// without /api/v3 in which * stands for one segment and a trailing ** for the
// rest: "POST /repos/*/*/statuses/*", "* /**". The newest fault that matches
// counts. The returned function removes it.
func (f *Forge) Break(pattern string, fault Fault) (repair func()) {
	method, rest, _ := strings.Cut(pattern, " ")
	one := &rule{method: method, pattern: rest, fault: fault, left: fault.Times}
	if fault.Times <= 0 {
		one.left = -1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, one)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
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

// misbehave applies the newest fault that matches. It returns false when the
// request is to be answered normally.
func (f *Forge) misbehave(w http.ResponseWriter, r *http.Request, path string) bool {
	fault, ok := f.fault(r.Method, path)
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
	if fault.Body == "" {
		answerError(w, fault.Status, http.StatusText(fault.Status))
		return true
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(fault.Status)
	_, _ = io.WriteString(w, fault.Body)
	return true
}

func (f *Forge) fault(method, path string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.faults) - 1; i >= 0; i-- {
		one := f.faults[i]
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

// authorized compares the token when one is set.
func (f *Forge) authorized(r *http.Request) bool {
	if f.token == "" {
		return true
	}
	given := r.Header.Get("Authorization")
	if _, password, ok := r.BasicAuth(); ok {
		given = password
	} else if scheme, token, ok := strings.Cut(given, " "); ok && (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token")) {
		given = token
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(f.token)) == 1
}
