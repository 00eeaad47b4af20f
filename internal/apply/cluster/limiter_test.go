package cluster

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := newLimiter(4)
	var mutex sync.Mutex
	running, most := 0, 0
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			if err := l.acquire(t.Context()); err != nil {
				t.Error(err)
				return
			}
			defer l.release()
			mutex.Lock()
			running++
			most = max(most, running)
			mutex.Unlock()
			time.Sleep(time.Millisecond)
			mutex.Lock()
			running--
			mutex.Unlock()
		})
	}
	group.Wait()
	if most > 4 || most < 2 {
		t.Errorf("%d at once, want up to 4", most)
	}
	l.learn(http.StatusTooManyRequests)
	if l.allowed != 2 {
		t.Errorf("%d allowed after a refusal, want 2", l.allowed)
	}
	for range 100 {
		l.learn(http.StatusOK)
	}
	if l.allowed != 4 {
		t.Errorf("%d allowed after quiet times, want 4", l.allowed)
	}
}

func TestLimiterForgetsWhoGaveUp(t *testing.T) {
	l := newLimiter(1)
	if err := l.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.acquire(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	l.release()
	if err := l.acquire(t.Context()); err != nil || l.running != 1 {
		t.Errorf("%v, %d running", err, l.running)
	}
}
