package worker

import (
	"bytes"
	"strings"
	"sync"
)

// tail keeps the beginning of what a child writes to stderr, which says how a
// Go program died, and drops the rest.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// tailBytes is enough for the reason; the stacks that follow don't matter.
const tailBytes = 4 << 10

// Write never fails, so that the child can't be stopped by it.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := tailBytes - len(t.kept); room > 0 {
		t.kept = append(t.kept, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (t *tail) contains(text string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Contains(t.kept, []byte(text))
}

// firstLine returns the first line that says why the process ended, else the
// first.
func (t *tail) firstLine() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.kept)), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "runtime:") {
			return line
		}
	}
	return lines[0]
}
