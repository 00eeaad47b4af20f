package project

import (
	"net/url"
	"sync"
	"time"

	"k8s.io/utils/lru"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

const (
	// quickSyncs is how many projects are synced at the same time, and syncsPerHost how
	// many of them read from one git server.
	quickSyncs   = 32
	syncsPerHost = quickSyncs / 2
	// longSyncs is how many others may take longer than longSync meanwhile.
	longSyncs = 64
	longSync  = 5 * time.Second
	// parallelSyncs is both.
	parallelSyncs = quickSyncs + longSyncs
	// maxLongHosts bounds the servers that are known to take long.
	maxLongHosts = 4096
)

// hostSlots share the workers among git servers, so that those that hang leave some
// for the projects of the others, however many they are. A sync takes a quick slot.
// Once it takes long, it must find a long one, or end; the next of its server begins
// with a long one. It is safe for concurrent use.
type hostSlots struct {
	perHost int // slots at most

	mu    sync.Mutex
	free  map[bool]int // slots, by whether they are long ones
	taken map[string]int
	known *lru.Cache // servers whose last sync took long
}

func newHostSlots(quick, long, perHost int) *hostSlots {
	return &hostSlots{
		perHost: perHost,
		free:    map[bool]int{false: quick, true: long}, taken: map[string]int{}, known: lru.New(maxLongHosts),
	}
}

// hostSlot is what one sync holds.
type hostSlot struct {
	of                *hostSlots
	host              string
	isLong            bool // it is a long slot
	tookLong, isGiven bool // back
}

// enter takes a slot for a server, unless none is free for it. Leave gives it back.
func (s *hostSlots) enter(host string) (*hostSlot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, isLong := s.known.Get(host)
	if s.taken[host] >= s.perHost || s.free[isLong] == 0 {
		return nil, false
	}
	s.taken[host]++
	s.free[isLong]--
	return &hostSlot{of: s, host: host, isLong: isLong}, true
}

// takesLong gives a quick slot back for a long one. It reports false when none is free:
// then the sync must end.
func (l *hostSlot) takesLong() bool {
	s := l.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.isGiven {
		return true
	}
	l.tookLong = true
	s.known.Add(l.host, true)
	if l.isLong {
		return true
	}
	if s.free[true] == 0 {
		return false
	}
	s.free[true]--
	s.free[false]++
	l.isLong = true
	return true
}

func (l *hostSlot) leave() {
	s := l.of
	s.mu.Lock()
	defer s.mu.Unlock()
	l.isGiven = true
	s.free[l.isLong]++
	if s.taken[l.host]--; s.taken[l.host] == 0 {
		delete(s.taken, l.host)
	}
	if !l.tookLong {
		s.known.Remove(l.host)
	}
}

// hostOf names the git server of a repository. All whose URL can't be read
// share one: they fail at once.
func hostOf(repository v1alpha1.Repository) string {
	u, err := url.Parse(repository.URL)
	if err != nil {
		return ""
	}
	return u.Host
}
