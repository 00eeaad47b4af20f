package servertest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Call is one request to the API server.
type Call struct {
	At   time.Time
	Took time.Duration
	Verb string // the method, WATCH, or CHECK for a dry run
	Path string
	Code int
}

// String returns the call in one line.
func (c Call) String() string {
	return fmt.Sprintf("%-6s %3d %6.1f ms %s", c.Verb, c.Code, float64(c.Took.Microseconds())/1000, c.Path)
}

// maxCalls bounds what is remembered between two Takes.
const maxCalls = 200_000

// Traffic notes the server's requests to the API server. It is safe for
// concurrent use.
type Traffic struct {
	mu    sync.Mutex
	calls []Call
}

// Take returns the calls since the last Take, in the order of their ends.
func (t *Traffic) Take() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.calls
	t.calls = nil
	return calls
}

// Spent counts calls by verb: "GET=1 PATCH=2".
func Spent(calls []Call) string {
	counts := map[string]int{}
	for _, call := range calls {
		counts[call.Verb]++
	}
	var parts []string
	for _, verb := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s=%d", verb, counts[verb]))
	}
	return strings.Join(parts, " ")
}

func (t *Traffic) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(request *http.Request) (*http.Response, error) {
		call := Call{At: time.Now(), Verb: verb(request), Path: request.URL.Path}
		response, err := next.RoundTrip(request)
		call.Took = time.Since(call.At)
		if response != nil {
			call.Code = response.StatusCode
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if len(t.calls) < maxCalls {
			t.calls = append(t.calls, call)
		}
		return response, err
	})
}

func verb(request *http.Request) string {
	switch query := request.URL.Query(); {
	case query.Has("dryRun"):
		return "CHECK"
	case query.Has("watch"):
		return "WATCH"
	}
	return request.Method
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// Post is the forge's way to the receiver: it notes when the last delivery set
// out. It is safe for concurrent use.
type Post struct {
	mu   sync.Mutex
	last time.Time
}

// Last returns when the last delivery set out.
func (p *Post) Last() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// RoundTrip implements http.RoundTripper.
func (p *Post) RoundTrip(request *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.last = time.Now()
	p.mu.Unlock()
	return http.DefaultTransport.RoundTrip(request)
}
