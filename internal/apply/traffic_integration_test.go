//go:build integration

package apply

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// traffic counts requests by verb and can cut the wire.
type traffic struct {
	mutex  sync.Mutex
	counts map[string]int
	writes int
	// budget is how many more writes reach the server; -1 is without end. The
	// one after the last is answered by nobody, as is everything later.
	limited bool
	budget  int
	// lost makes the last write reach the server, but not its answer.
	lost bool
	dead bool
	// before is called before every request, with its verb.
	before func(verb string)
	// answer may answer in the server's place.
	answer func(*http.Request) *http.Response
}

var errCut = errors.New("the process was killed")

func (t *traffic) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(request *http.Request) (*http.Response, error) {
		t.announce(request)
		if err := t.admit(request); err != nil {
			return nil, err
		}
		if response := t.answered(request); response != nil {
			return response, nil
		}
		response, err := next.RoundTrip(request)
		if err == nil && t.cutAfter(request) {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			return nil, errCut
		}
		return response, err
	})
}

// announce calls before, one request at a time.
func (t *traffic) announce(request *http.Request) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.before != nil {
		t.before(verb(request))
	}
}

func (t *traffic) answered(request *http.Request) *http.Response {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.answer == nil {
		return nil
	}
	return t.answer(request)
}

func isWrite(request *http.Request) bool {
	return request.Method != http.MethodGet && !strings.Contains(request.URL.RawQuery, "dryRun")
}

func (t *traffic) admit(request *http.Request) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.dead {
		return errCut
	}
	if isWrite(request) {
		if t.limited && t.budget == 0 {
			t.dead = true
			return errCut
		}
		t.budget--
		t.writes++
	}
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[verb(request)]++
	return nil
}

func (t *traffic) cutAfter(request *http.Request) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.limited && t.lost && t.budget == 0 && isWrite(request) {
		t.dead = true
	}
	return t.dead && isWrite(request)
}

func verb(request *http.Request) string {
	switch {
	case strings.Contains(request.URL.RawQuery, "dryRun"):
		return "check"
	case strings.Contains(request.URL.Path, "/configmaps/inventory-") || strings.HasSuffix(request.URL.Path, "/configmaps") && request.Method == http.MethodPost && strings.Contains(request.URL.Path, "/slipway-org-"):
		return "inventory " + request.Method
	case strings.Contains(request.URL.RawQuery, "watch="):
		return "WATCH"
	}
	return request.Method
}

// spent returns the requests since the last call, "GET=1 PATCH=2".
func (t *traffic) spent() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var parts []string
	for verb, count := range t.counts {
		parts = append(parts, fmt.Sprintf("%s=%d", verb, count))
	}
	slices.Sort(parts)
	t.counts, t.writes = map[string]int{}, 0
	return strings.Join(parts, " ")
}

// cut lets only so many more writes through.
func (t *traffic) cut(after int, lost bool) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.limited, t.budget, t.lost, t.dead = true, after, lost, false
}

// heal ends every fault; it reports whether the wire was cut.
func (t *traffic) heal() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	dead := t.dead
	t.limited, t.dead, t.lost = false, false, false
	return dead
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
