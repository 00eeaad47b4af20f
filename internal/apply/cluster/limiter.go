package cluster

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
	mutex     sync.Mutex
	ceiling   int
	allowed   int
	running   int
	successes int             // answers since allowed last changed
	waiting   []chan struct{} // first come, first served; closed when its turn has come
}

// defaultConcurrency keeps an API server of two cores busy without making
// other clients wait.
const defaultConcurrency = 16

func newLimiter(ceiling int) *limiter {
	return &limiter{ceiling: ceiling, allowed: ceiling}
}

// acquire waits until one more request may run; release must follow when it
// returns nil.
func (l *limiter) acquire(ctx context.Context) error {
	l.mutex.Lock()
	if l.running < l.allowed && len(l.waiting) == 0 {
		l.running++
		l.mutex.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mutex.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.abandon(turn)
		return context.Cause(ctx)
	}
}

// abandon leaves the queue; a turn that came at the same moment goes to the
// next one.
func (l *limiter) abandon(turn chan struct{}) {
	l.mutex.Lock()
	for at, other := range l.waiting {
		if other == turn {
			l.waiting = append(l.waiting[:at], l.waiting[at+1:]...)
			l.mutex.Unlock()
			return
		}
	}
	l.mutex.Unlock()
	l.release()
}

// release ends a request.
func (l *limiter) release() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.running--
	l.admit()
}

// admit lets waiting requests run; the caller holds the lock.
func (l *limiter) admit() {
	for l.running < l.allowed && len(l.waiting) > 0 {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.running++
	}
}

// learn adapts the limit to an answer's status.
func (l *limiter) learn(status int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if status == http.StatusTooManyRequests {
		if l.successes > 0 || l.allowed == l.ceiling { // one burst of refusals halves once
			l.allowed = max(1, l.allowed/2)
		}
		l.successes = 0
		return
	}
	l.successes++
	if l.allowed < l.ceiling && l.successes >= l.allowed {
		l.allowed++
		l.successes = 0
		l.admit()
	}
}

// limiterTransport shows every answer to the limiter, also those after which
// the client library waits and sends the request again.
type limiterTransport struct {
	next    http.RoundTripper
	limiter *limiter
}

// RoundTrip implements http.RoundTripper.
func (t limiterTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err == nil {
		t.limiter.learn(response.StatusCode)
	}
	return response, err
}
