package stage

import (
	"fmt"
	"io"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/cli/output"
)

// progressWidth is how much of a line is shown while it may be redrawn: a
// line that wraps can't be.
const progressWidth = 100

// progress shows the phases of one release, a line each. On a terminal the
// line of the present phase is redrawn as its message changes.
type progress struct {
	out      io.Writer
	terminal bool
	off      bool

	first   int    // the phase that time is counted from
	shown   int    // phases that have a line, or were over before
	current string // the present phase's line, while it may still be redrawn
}

// release shows what is new of a release.
func (p *progress) release(rel *v1alpha1.Release) {
	timings := rel.Status.Timings
	if p.off || len(timings) <= p.first {
		return
	}
	for i := p.shown; i < len(timings); i++ {
		message := ""
		if i == len(timings)-1 && !timings[i].Phase.Done() {
			message = rel.Status.Message
		}
		p.end()
		p.draw(p.line(timings, i, message))
	}
	p.shown = len(timings)
	if last := len(timings) - 1; p.terminal && !timings[last].Phase.Done() {
		p.draw(p.line(timings, last, rel.Status.Message))
	}
}

// line is one phase: when it began after the first, its name, and what it
// says.
func (p *progress) line(timings []v1alpha1.PhaseTime, i int, message string) string {
	since := timings[i].At.Sub(timings[p.first].At.Time)
	return strings.TrimRight(fmt.Sprintf("%7s  %-10s  %s", output.Seconds(since), timings[i].Phase, output.Printable(message)), " ")
}

// draw writes a line, over the one before where that can be done.
func (p *progress) draw(line string) {
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		return
	}
	if line == p.current {
		return
	}
	p.current = line
	fmt.Fprint(p.out, "\r\x1b[2K"+clipped(line, progressWidth))
}

// end leaves the present line as it is.
func (p *progress) end() {
	if p.current != "" {
		fmt.Fprintln(p.out)
		p.current = ""
	}
}

// clipped cuts a text to at most n characters.
func clipped(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return string(runes[:n-1]) + "…"
}
