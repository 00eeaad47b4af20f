package project

import (
	"net/url"
	"sync"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// hostSlots bounds how many syncs read from the same git server at the same
// time: one that hangs must leave workers for the projects of the others. It is
// safe for concurrent use.
type hostSlots struct {
	most int // of one host

	mu    sync.Mutex
	taken map[string]int
}

func newHostSlots(most int) *hostSlots { return &hostSlots{most: most, taken: map[string]int{}} }

// enter takes a slot of a host, unless all are taken. Leave gives it back.
func (s *hostSlots) enter(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[host] >= s.most {
		return false
	}
	s.taken[host]++
	return true
}

func (s *hostSlots) leave(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[host]--; s.taken[host] == 0 {
		delete(s.taken, host)
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
