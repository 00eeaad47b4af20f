package leader

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/slipway-dev/slipway/internal/fault"
)

// lease is a Lease that takes what is written to it, or doesn't.
type lease struct {
	resourcelock.Interface
	err  error
	took func() // while it is written
}

func (l *lease) Identity() string { return "me" }

func (l *lease) Create(context.Context, resourcelock.LeaderElectionRecord) error { return l.write() }
func (l *lease) Update(context.Context, resourcelock.LeaderElectionRecord) error { return l.write() }

func (l *lease) write() error {
	if l.took != nil {
		l.took()
	}
	return l.err
}

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }

func newLock() (*Lock, *lease, *clock) {
	c := &clock{now: time.Unix(1_700_000_000, 0)}
	inner := &lease{}
	return &Lock{Interface: inner, now: func() time.Time { return c.now }}, inner, c
}

// held is the record of a replica.
func held(by string) resourcelock.LeaderElectionRecord {
	return resourcelock.LeaderElectionRecord{HolderIdentity: by, LeaseDurationSeconds: 15}
}

// transport counts requests.
type transport struct {
	sent     int
	deadline time.Duration // of the last, from now on
	err      error
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.sent++
	if deadline, limited := r.Context().Deadline(); limited {
		t.deadline = time.Until(deadline)
	}
	if t.err != nil {
		return nil, t.err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestOnlyTheLeaderWrites(t *testing.T) {
	tests := map[string]struct {
		happens func(l *Lock, inner *lease, c *clock)
		left    time.Duration // for which it may write
	}{
		"at the start": {},
		"elected": {left: 15 * time.Second, happens: func(l *Lock, _ *lease, _ *clock) {
			_ = l.Create(context.Background(), held("me"))
		}},
		"the election was slow": {left: 12 * time.Second, happens: func(l *Lock, inner *lease, c *clock) {
			inner.took = func() { c.pass(3 * time.Second) }
			_ = l.Update(context.Background(), held("me"))
		}},
		"not elected": {happens: func(l *Lock, inner *lease, _ *clock) {
			inner.err = errors.New("conflict")
			_ = l.Update(context.Background(), held("me"))
		}},
		"frozen": {happens: func(l *Lock, _ *lease, c *clock) {
			_ = l.Update(context.Background(), held("me"))
			c.pass(15 * time.Second)
		}},
		"renewed": {left: 15 * time.Second, happens: func(l *Lock, _ *lease, c *clock) {
			_ = l.Update(context.Background(), held("me"))
			c.pass(14 * time.Second)
			_ = l.Update(context.Background(), held("me"))
		}},
		"cut off": {left: 7 * time.Second, happens: func(l *Lock, inner *lease, c *clock) {
			_ = l.Update(context.Background(), held("me"))
			c.pass(8 * time.Second)
			inner.err = errors.New("no answer")
			_ = l.Update(context.Background(), held("me"))
		}},
		"given back": {happens: func(l *Lock, _ *lease, _ *clock) {
			_ = l.Update(context.Background(), held("me"))
			_ = l.Update(context.Background(), held(""))
		}},
		"given back without an answer": {happens: func(l *Lock, inner *lease, _ *clock) {
			_ = l.Update(context.Background(), held("me"))
			inner.err = errors.New("no answer")
			_ = l.Update(context.Background(), held(""))
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			lock, inner, c := newLock()
			if tt.happens != nil {
				tt.happens(lock, inner, c)
			}
			if got := max(lock.left(), 0); got != tt.left {
				t.Errorf("nobody else leads for %v, want %v", got, tt.left)
			}
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				checkFence(t, lock, method, tt.left)
			}
		})
	}
}

// checkFence sends a request through the fence of a lock that has some time left:
// reads always pass, and what changes something no longer than that.
func checkFence(t *testing.T, lock *Lock, method string, left time.Duration) {
	t.Helper()
	next := &transport{}
	err := try(lock.Fence(next), method)
	passes := method == http.MethodGet || left > 0
	if passes != (next.sent == 1) || passes != (err == nil) {
		t.Errorf("%s: %d requests were sent: %v", method, next.sent, err)
	}
	if err != nil && (fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "does not lead")) {
		t.Errorf("%s: %v", method, err)
	}
	if limited := next.deadline > 0; limited != (passes && method != http.MethodGet) || next.deadline > left {
		t.Errorf("%s: the request may take %v, the lease has %v left", method, next.deadline, left)
	}
}

// try sends one request and reads its answer.
func try(through http.RoundTripper, method string) error {
	r, err := http.NewRequestWithContext(context.Background(), method, "https://cluster.example/api", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	answer, err := through.RoundTrip(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// What the transport says of a request reaches the sender.
func TestFenceKeepsErrors(t *testing.T) {
	lock, _, _ := newLock()
	if err := lock.Update(t.Context(), held("me")); err != nil {
		t.Fatal(err)
	}
	lost := errors.New("connection reset")
	if err := try(lock.Fence(&transport{err: lost}), http.MethodPost); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
}
