package ready

import (
	"context"
	"sync"

	"github.com/slipway-dev/slipway/internal/apply/cause"
)

// logTails fetches the ends of logs without keeping the waiting goroutine.
type logTails struct {
	ctx   context.Context //nolint:containedctx // the watches' own, for as long as they run
	mutex sync.Mutex
	texts map[cause.Log]string
	asked map[string]bool
}

// end returns the end of a log once it was fetched, and fetches it again for
// every crash.
func (b *logTails) end(s *waiter, found cause.Cause) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	log := *found.Log
	if b.asked == nil {
		b.asked = map[string]bool{}
	}
	if key := log.Pod + "/" + log.Container + "/" + found.Sentence; !b.asked[key] && b.ctx != nil {
		b.asked[key] = true
		s.group.Go(func() {
			text := s.clients.lastLines(b.ctx, s.options.Namespace, log)
			b.mutex.Lock()
			if text != "" {
				b.texts[log] = text
			}
			b.mutex.Unlock()
			s.changed()
		})
	}
	return b.texts[log]
}
