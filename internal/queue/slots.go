package queue

import (
	"container/list"
	"context"
	"sync"
)

// slots bounds how many releases run at the same time. When one ends, those that
// people wait for go first, and among equals who came first.
type slots struct {
	size int

	mu      sync.Mutex
	taken   int
	waiting map[bool]*list.List // by urgency, of channels that are closed when it is one's turn
}

func newSlots(size int) *slots {
	return &slots{size: size, waiting: map[bool]*list.List{true: list.New(), false: list.New()}}
}

// take waits for a slot. It reports false, and takes none, when ctx ends first.
func (s *slots) take(ctx context.Context, urgent bool) bool {
	s.mu.Lock()
	if s.taken < s.size {
		s.taken++
		s.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	place := s.waiting[urgent].PushBack(turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-turn: // both happened
		return true
	default:
		s.waiting[urgent].Remove(place)
		return false
	}
}

// give gives a slot to the next one who waits.
func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, urgent := range []bool{true, false} {
		if next := s.waiting[urgent].Front(); next != nil {
			close(s.waiting[urgent].Remove(next).(chan struct{}))
			return
		}
	}
	s.taken--
}
