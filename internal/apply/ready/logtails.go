package ready

import (
	"sync"

	"github.com/slipway-dev/slipway/internal/apply/cause"
)

// logTails fetches the ends of logs without keeping the waiting goroutine. It
// fetches one log once per crash.
type logTails struct {
	// fetch returns the end of a log, empty when there is none to be had. It
	// is called in a goroutine of group.
	fetch   func(cause.Log) string
	group   *sync.WaitGroup
	changed func() // called when an end was fetched

	mutex   sync.Mutex
	texts   map[cause.Log]string
	fetched map[string]bool // by container and by what the crash's cause says
}

func newLogTails(group *sync.WaitGroup, fetch func(cause.Log) string, changed func()) *logTails {
	return &logTails{fetch: fetch, group: group, changed: changed, texts: map[cause.Log]string{}, fetched: map[string]bool{}}
}

// end returns the end of the log that a cause names, empty until it was
// fetched.
func (t *logTails) end(found cause.Cause) string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	log := *found.Log
	if key := log.Pod + "/" + log.Container + "/" + found.Sentence; !t.fetched[key] {
		t.fetched[key] = true
		t.group.Go(func() { t.keep(log, t.fetch(log)) })
	}
	return t.texts[log]
}

func (t *logTails) keep(log cause.Log, text string) {
	t.mutex.Lock()
	if text != "" {
		t.texts[log] = text
	}
	t.mutex.Unlock()
	t.changed()
}
