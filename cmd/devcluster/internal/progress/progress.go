package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Reporter writes steps to one stream. Steps are told one after the other.
type Reporter struct {
	out      io.Writer
	terminal bool
	mu       sync.Mutex
}

// New reports to out; io.Discard makes it quiet.
func New(out io.Writer) *Reporter {
	return &Reporter{out: out, terminal: isTerminal(out)}
}

// Step runs work and reports it as "subject: verb … 1.2s". The step's error is
// returned as it came.
func (r *Reporter) Step(subject, verb string, work func() error) error {
	began := time.Now()
	head := fmt.Sprintf("%s: %s … ", subject, verb)
	r.print(head)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		r.tick(head, began, done)
	}()
	err := work()
	close(done)
	<-stopped
	outcome := round(time.Since(began))
	if err != nil {
		outcome = "failed after " + outcome
	}
	if r.terminal {
		outcome = "\r" + head + outcome + "\x1b[K"
	}
	r.print(outcome + "\n")
	return err
}

// Say prints one line.
func (r *Reporter) Say(format string, args ...any) { r.print(fmt.Sprintf(format, args...) + "\n") }

func (r *Reporter) tick(head string, began time.Time, done <-chan struct{}) {
	every := time.Minute
	if r.terminal {
		every = time.Second
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if r.terminal {
				r.print("\r" + head + round(time.Since(began)) + "\x1b[K")
			} else {
				r.print(round(time.Since(began)) + " … ")
			}
		}
	}
}

func (r *Reporter) print(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = io.WriteString(r.out, text) // nobody to tell when the stream is gone
}

// round keeps what a person reads: 0.4s, 12s, 8m12s.
func round(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

func isTerminal(out io.Writer) bool {
	file, is := out.(*os.File)
	if !is {
		return false
	}
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
