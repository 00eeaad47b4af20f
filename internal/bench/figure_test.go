//go:build integration

package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// measurements are the figures of one scenario.
type measurements struct {
	pushes, floors, processor []time.Duration
	requests                  [][]servertest.Call
}

func (m *measurements) note(push, processor time.Duration, calls []servertest.Call) {
	m.pushes = append(m.pushes, push)
	m.processor = append(m.processor, processor)
	m.requests = append(m.requests, calls)
}

// print writes the figures, one plain line each. Requests and processor time
// are those of the server for one push, from its delivery until nothing is
// left to do; the forge and the benchmark share the process and are in the
// latter.
func (m *measurements) print(name string) {
	push, base := median(m.pushes), median(m.floors)
	fmt.Printf("\nbench %s median_ms %.1f p95_ms %.1f floor_ms %.1f ratio %.2f\n",
		name, milliseconds(push), milliseconds(quantile(m.pushes, 0.95)), milliseconds(base), float64(push)/float64(base))
	typical := slices.Clone(m.requests)
	slices.SortFunc(typical, func(a, b []servertest.Call) int { return len(a) - len(b) })
	of := typical[len(typical)/2]
	fmt.Printf("bench %s requests %d %s cpu_s %.3f\n", name, len(of), servertest.Spent(of), median(m.processor).Seconds())
}

// printCalls writes the last push's requests with their beginnings.
func (m *measurements) printCalls(sent time.Time) {
	last := slices.Clone(m.requests[len(m.requests)-1])
	slices.SortFunc(last, func(a, b servertest.Call) int { return a.At.Compare(b.At) })
	for _, call := range last {
		fmt.Printf("%8.1f %s\n", milliseconds(call.At.Sub(sent)), call)
	}
	fmt.Printf("%8.1f applied\n", milliseconds(m.pushes[len(m.pushes)-1]))
}

func median(all []time.Duration) time.Duration { return quantile(all, 0.5) }

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// processorTime returns what this process and its render workers used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	total := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		b.Fatal(err)
	}
	for _, list := range lists {
		children, _ := os.ReadFile(list) // a thread may have ended
		for pid := range strings.FieldsSeq(string(children)) {
			total += workerTime(pid)
		}
	}
	return total
}

// clockTick is the unit of /proc/PID/stat.
const clockTick = 10 * time.Millisecond

// workerTime returns what a render worker used so far, 0 for another process.
func workerTime(pid string) time.Duration {
	command, err := os.ReadFile("/proc/" + pid + "/cmdline")
	if err != nil || !bytes.Contains(command, []byte("render-worker")) {
		return 0
	}
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * clockTick
}
