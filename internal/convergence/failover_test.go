//go:build integration

package convergence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// TestFailover disturbs the leader of two replicas at a random moment of pushes, again
// and again: it is killed, frozen, or cut off from the API server. The other one takes
// every delivery meanwhile, leads after a while, and from then on nothing that the old
// one writes arrives.
func TestFailover(t *testing.T) {
	p := interceptPost()
	defer world.Forge.Intercept(nil)
	pair := startPair(t)
	organization := fmt.Sprintf("failover-%d", *first)
	if err := world.Organization(t.Context(), organization); err != nil {
		t.Fatal(err)
	}
	team, err := join(t.Context(), organization, "shop", *first, p)
	if err == nil {
		err = team.converges(t.Context())
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, output.about("shop"))
	}
	chance := rand.New(rand.NewPCG(uint64(*first), 3))
	mishaps := []mishap{killed, frozen, cutOff}
	var longest time.Duration
	acknowledged := 0
	for i := range *failovers {
		longest = max(longest, pair.failOver(t, team, mishaps[i%len(mishaps)], 1+chance.IntN(80)))
		acknowledged += len(team.accepted)
		clear(team.accepted) // which a project keeps only so many of
		if t.Failed() {
			t.Fatal(output.about("shop"))
		}
	}
	t.Logf("%d failovers, %d deliveries acknowledged; the next one led after %s at most", *failovers, acknowledged, longest.Round(100*time.Millisecond))
}

// mishap is what happens to a leader.
type mishap string

const (
	killed mishap = "killed"
	frozen mishap = "frozen"
	cutOff mishap = "cut off"
)

// pair is two servers, one of which leads.
type pair struct {
	t      *testing.T
	both   [2]*replica
	public atomic.Pointer[url.URL] // of the replica that deliveries go to
}

// replica is a server with a way of its own to the API server, which keeps what
// passes there.
type replica struct {
	pair    *pair
	flags   []string
	gate    *servertest.Gate
	link    *servertest.Link
	process *servertest.Process

	mu      sync.Mutex
	renewed time.Time // when the API server took its lease last
	written []written // what only a leader writes
	trouble func()    // is called once left more requests have passed
	left    int
}

type written struct {
	at   time.Time
	what string
}

func startPair(t *testing.T) *pair {
	t.Helper()
	pair := &pair{t: t}
	for i := range pair.both {
		gate, err := servertest.NewGate(world.Plane)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(gate.Close)
		link, err := servertest.NewLink(strings.TrimPrefix(gate.URL, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(link.Close)
		r := &replica{pair: pair, gate: gate, link: link, flags: []string{"--leader-elect=true", "--data", filepath.Join(t.TempDir(), "data")}}
		gate.Watch(r.passes)
		pair.both[i] = r
		t.Cleanup(func() { r.process.Kill() })
		r.start(t.Context())
	}
	t.Cleanup(func() { world.Open(nil) })
	return pair
}

// start launches the replica and leaves deliveries to the one that has them.
func (r *replica) start(ctx context.Context) {
	r.pair.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	process, err := world.Launch(ctx, servertest.Launch{Program: program, Gate: r.gate, Link: r.link, Log: &output, Flags: r.flags})
	if err != nil {
		r.pair.t.Fatalf("%v\n%s", err, output.about(""))
	}
	r.process = process
	if r.pair.public.Load() == nil {
		r.takeDeliveries()
	}
	world.Open(&httputil.ReverseProxy{
		Rewrite:      func(request *httputil.ProxyRequest) { request.SetURL(r.pair.public.Load()) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
}

// takeDeliveries makes deliveries go to the replica.
func (r *replica) takeDeliveries() {
	public, err := url.Parse(r.process.Public)
	if err != nil {
		r.pair.t.Error(err)
		return
	}
	r.pair.public.Store(public)
}

// passes keeps what a replica writes, and makes trouble when its time has come.
func (r *replica) passes(p servertest.Passing) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lease := strings.Contains(p.Path, "/leases/") || strings.HasSuffix(p.Path, "/leases")
	delivery := p.Verb == http.MethodPost && strings.HasSuffix(p.Path, "/deliveries")
	switch {
	case p.Verb == http.MethodGet || p.Verb == "WATCH":
	case lease && p.Code/100 == 2:
		r.renewed = time.Now()
	case !lease && !delivery && p.Code == 0:
		r.written = append(r.written, written{time.Now(), p.Verb + " " + p.Path})
	}
	if r.trouble == nil || lease {
		return true
	}
	if r.left--; r.left > 0 {
		return true
	}
	now := r.trouble
	r.trouble = nil
	now()
	return true
}

// leads returns when the replica's lease was taken last.
func (r *replica) leads() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.renewed
}

// since returns what only a leader writes that arrived after a time.
func (r *replica) since(at time.Time) []written {
	r.mu.Lock()
	defer r.mu.Unlock()
	var after []written
	for _, w := range r.written {
		if w.at.After(at) {
			after = append(after, w)
		}
	}
	return after
}

// leader returns the replica that leads, and the other.
func (p *pair) leader() (leader, other *replica) {
	if p.both[0].leads().After(p.both[1].leads()) {
		return p.both[0], p.both[1]
	}
	return p.both[1], p.both[0]
}

// eventually waits until something is so.
func (p *pair) eventually(what string, is func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: not after %s\n%s", what, patience, output.about("shop"))
		}
	}
}

// failOver makes trouble when the leader has sent some requests, and returns how long
// it took until the other one led.
func (p *pair) failOver(t *testing.T, team *team, what mishap, requests int) time.Duration {
	t.Helper()
	leader, other := p.leader()
	began := leader.disturb(what, requests, other)
	stop := team.pushOn(t)
	at := <-began
	output.note("the leader is %s after %d requests", what, requests)
	var leads time.Time
	p.eventually("the other replica leads", func() bool { leads = other.leads(); return leads.After(at) })
	p.eventually("it works", func() bool { return len(other.since(leads)) > 0 })
	first := other.since(leads)[0]
	leader.recover(t.Context(), what)
	stop()
	if err := team.converges(t.Context()); err != nil {
		t.Errorf("%s after %d requests: %v", what, requests, err)
	}
	for _, late := range leader.since(first.at) {
		t.Errorf("%s after %d requests: the old leader sent %s %s after the new one's %s", what, requests, late.what, late.at.Sub(first.at), first.what)
	}
	return leads.Sub(at)
}

// disturb makes trouble after some more requests, and tells when it did.
func (r *replica) disturb(what mishap, requests int, other *replica) <-chan time.Time {
	began := make(chan time.Time, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written, r.left = nil, requests
	r.trouble = func() {
		if err := r.befall(what); err != nil {
			r.pair.t.Error(err)
		}
		other.takeDeliveries()
		began <- time.Now()
	}
	return began
}

func (r *replica) befall(what mishap) error {
	switch what {
	case killed:
		return syscall.Kill(r.process.Pid(), syscall.SIGKILL)
	case frozen:
		return syscall.Kill(r.process.Pid(), syscall.SIGSTOP)
	default:
		return r.link.Set(servertest.Mood{Refuse: true})
	}
}

// recover ends the trouble. A leader that lost its lease ends by itself, and is started
// again, as a cluster does.
func (r *replica) recover(ctx context.Context, from mishap) {
	var err error
	switch from {
	case frozen:
		err = syscall.Kill(r.process.Pid(), syscall.SIGCONT)
	case cutOff:
		err = r.link.Set(servertest.Mood{})
	}
	if err != nil {
		r.pair.t.Error(err)
	}
	r.pair.eventually("the old leader ends", func() bool { return !r.process.Alive() })
	r.start(ctx)
}

// pushOn pushes commits and sends their deliveries until it is stopped, not so fast
// that they are a flood.
func (t *team) pushOn(to *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(to.Context())
	var pushing sync.WaitGroup
	pushing.Go(func() {
		for ctx.Err() == nil {
			t.step++
			if err := t.commit([]string{"main", "develop"}[t.step%2], ""); err != nil {
				to.Error(err)
				return
			}
			t.dispatch(context.WithoutCancel(ctx), Step{Copies: 1})
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(300+t.chaos.IntN(1000)) * time.Millisecond):
			}
		}
	})
	return func() {
		cancel()
		pushing.Wait()
	}
}
