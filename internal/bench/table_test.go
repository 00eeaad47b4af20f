//go:build integration

package bench

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// table collects figures as they are measured, and prints each at once.
type table struct {
	rows []measurements
	idle []memoryRow
	// kubernetes is the API server's version.
	kubernetes string
}

type memoryRow struct {
	name           string
	resident, peak int64 // bytes
}

func (t *table) add(m measurements) {
	m.print()
	t.rows = append(t.rows, m)
}

func (t *table) addMemory(name string, resident, peak int64) {
	fmt.Printf("bench %s resident_mib %.0f peak_mib %.0f\n", name, mebibytes(resident), mebibytes(peak))
	t.idle = append(t.idle, memoryRow{name, resident, peak})
}

// Between these lines of the document are the figures.
const (
	beginFigures = "<!-- figures: written by make bench -->"
	endFigures   = "<!-- end of figures -->"
)

// write replaces the figures of a document.
func (t *table) write(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the document for the figures: %w", err)
	}
	before, rest, begun := strings.Cut(string(text), beginFigures)
	_, after, ended := strings.Cut(rest, endFigures)
	if !begun || !ended {
		return fmt.Errorf("%s has no place for figures; it needs the lines %s and %s", path, beginFigures, endFigures)
	}
	text = []byte(before + beginFigures + "\n" + t.markdown() + endFigures + after)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return nil
}

func (t *table) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%s; %s.\n\n", time.Now().UTC().Format(time.DateOnly), t.machine())
	out.WriteString("| case | median ms | p95 ms | floor ms | median ÷ floor | p95 ÷ floor | requests per push | CPU s per push | peak MiB |\n")
	out.WriteString("|---|--:|--:|--:|--:|--:|---|--:|--:|\n")
	for _, m := range t.rows {
		times := "| | | |"
		if len(m.pushes) > 0 {
			times = fmt.Sprintf("%.1f | %.1f | %.1f | %.2f | %.2f", milliseconds(median(m.pushes)), milliseconds(p95(m.pushes)), milliseconds(median(m.floors)), m.ratio(), m.tail())
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %.3f | %.0f |\n", m.what, times, m.spent.perPush(max(1, len(m.pushes))), m.processor().Seconds(), mebibytes(m.peak))
	}
	out.WriteString("\n| memory of the server and its render workers | resident MiB | peak MiB |\n|---|--:|--:|\n")
	for _, row := range t.idle {
		fmt.Fprintf(&out, "| %s | %.0f | %.0f |\n", strings.ReplaceAll(row.name, "-", " "), mebibytes(row.resident), mebibytes(row.peak))
	}
	out.WriteString("\n")
	return out.String()
}

// machine names what the figures were measured on.
func (t *table) machine() string {
	model := line("/proc/cpuinfo", "model name")
	memory := strings.Fields(line("/proc/meminfo", "MemTotal"))
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	kibibytes, _ := strconv.Atoi(memory[0])
	return fmt.Sprintf("%d × %s, %.0f GiB of memory, Linux %s, %s, Kubernetes %s, all processes on the one machine",
		runtime.NumCPU(), model, float64(kibibytes)/(1<<20), strings.TrimSpace(string(kernel)), runtime.Version(), t.kubernetes)
}

// line returns the value of the first line with a key.
func line(path, key string) string {
	text, _ := os.ReadFile(path)
	for l := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(l, ":"); found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
