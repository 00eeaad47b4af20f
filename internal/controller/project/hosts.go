package project

import (
	"net/url"
	"sync"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// hostSlots bounds how many syncs read from the same git server at the same
// time: one that hangs must leave workers for the projects of the others. The
// zero value is ready. It is safe for concurrent use.
type hostSlots struct {
	mu    sync.Mutex
	taken map[string]int
}

// enter takes a slot of a host, of which there are most. Leave gives it back.
func (s *hostSlots) enter(host string, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[host] >= most {
		return false
	}
	if s.taken == nil {
		s.taken = map[string]int{}
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
