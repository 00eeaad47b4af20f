package ready

import (
	"time"
)

// Options steer Wait.
type Options struct {
	// Namespace is where all targets are.
	Namespace string
	// Deadline is how long every service may take, zero for ten minutes.
	// Deadlines says otherwise by service.
	Deadline  time.Duration
	Deadlines map[string]time.Duration
	// Progress, if set, is called with all services whenever one of them
	// changed. It is called by Wait's own goroutine and must not block.
	Progress func([]ServiceState)
}

const defaultDeadline = 10 * time.Minute

func (o Options) deadline(service string) time.Duration {
	if d := o.Deadlines[service]; d > 0 {
		return d
	}
	if o.Deadline > 0 {
		return o.Deadline
	}
	return defaultDeadline
}
