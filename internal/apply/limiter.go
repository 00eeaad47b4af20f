package apply

import (
	"context"
	"net/http"
	"sync"
)

// limiter bounds the requests that are under way to one API server. It starts
// at a ceiling, halves when the server says that it is too busy (429), and
// grows back by one for every window of answers. It is safe for concurrent
// use and shared by all stages of a cluster.
type limiter struct {
	mutex   sync.Mutex
	ceiling int
	allowed int
	running int
	calm    int // answers since allowed last changed
	waiting []chan struct{}
}

// defaultConcurrency keeps an API server of two cores busy without making
// other clients wait.
const defaultConcurrency = 16

func newLimiter(ceiling int) *limiter {
	return &limiter{ceiling: ceiling, allowed: ceiling}
}

// acquire waits for a place; release must follow when it returns nil.
func (l *limiter) acquire(ctx context.Context) error {
	l.mutex.Lock()
	if l.running < l.allowed && len(l.waiting) == 0 {
		l.running++
		l.mutex.Unlock()
		return nil
	}
	place := make(chan struct{})
	l.waiting = append(l.waiting, place)
	l.mutex.Unlock()
	select {
	case <-place:
		return nil
	case <-ctx.Done():
		l.abandon(place)
		return context.Cause(ctx)
	}
}

// abandon gives up a place in the queue, or the place itself when it was
// handed over at the same moment.
func (l *limiter) abandon(place chan struct{}) {
	l.mutex.Lock()
	for at, other := range l.waiting {
		if other == place {
			l.waiting = append(l.waiting[:at], l.waiting[at+1:]...)
			l.mutex.Unlock()
			return
		}
	}
	l.mutex.Unlock()
	l.release()
}

func (l *limiter) release() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.running--
	l.admit()
}

func (l *limiter) admit() {
	for l.running < l.allowed && len(l.waiting) > 0 {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.running++
	}
}

// observe learns from an answer of the server.
func (l *limiter) observe(status int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if status == http.StatusTooManyRequests {
		if l.calm > 0 || l.allowed == l.ceiling { // one burst of refusals halves once
			l.allowed = max(1, l.allowed/2)
		}
		l.calm = 0
		return
	}
	l.calm++
	if l.allowed < l.ceiling && l.calm >= l.allowed {
		l.allowed++
		l.calm = 0
		l.admit()
	}
}

// watching is a transport that lets the limiter see every answer, those that
// the client library answers with a pause and another attempt included.
type watching struct {
	next    http.RoundTripper
	limiter *limiter
}

func (w watching) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := w.next.RoundTrip(request)
	if err == nil {
		w.limiter.observe(response.StatusCode)
	}
	return response, err
}
