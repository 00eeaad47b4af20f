package servertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of processor time in /proc/PID/stat.
const clockTick = 10 * time.Millisecond

// Usage is what a server and its render workers used.
type Usage struct {
	Processor time.Duration // since the start
	Memory    int64         // resident now, in bytes; what they share counts once
	Peak      int64         // resident at most since ResetPeak, in bytes
}

// Usage asks the kernel what the server and its render workers used so far.
func (p *Process) Usage() (Usage, error) {
	var sum Usage
	family, err := p.family()
	if err != nil {
		return Usage{}, err
	}
	for _, pid := range family {
		used, err := usageOf(pid)
		if errors.Is(err, os.ErrNotExist) {
			continue // a worker that ended meanwhile
		}
		if err != nil {
			return Usage{}, fmt.Errorf("look what process %d used: %w", pid, err)
		}
		sum.Processor += used.Processor
		sum.Memory += used.Memory
		sum.Peak += used.Peak
	}
	return sum, nil
}

// ResetPeak makes Usage.Peak begin at what is resident now.
func (p *Process) ResetPeak() error {
	family, err := p.family()
	if err != nil {
		return err
	}
	for _, pid := range family {
		err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o600)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("reset the peak of process %d: %w", pid, err)
		}
	}
	return nil
}

// family returns the server's process and its children.
func (p *Process) family() ([]int, error) {
	family := []int{p.Pid()}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.Pid()))
	if err != nil {
		return nil, fmt.Errorf("list the server's children: %w", err)
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				family = append(family, pid)
			}
		}
	}
	return family, nil
}

func usageOf(pid int) (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, err
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	const user, reapedSystem = 11, 14 // utime, stime, and those of children that ended
	if len(fields) <= reapedSystem {
		return Usage{}, fmt.Errorf("its stat has %d fields", len(fields))
	}
	var used Usage
	for _, field := range fields[user : reapedSystem+1] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("read its processor time: %w", err)
		}
		used.Processor += time.Duration(ticks) * clockTick
	}
	if used.Memory, err = kibibytes(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:"); err != nil {
		return Usage{}, err
	}
	used.Peak, err = kibibytes(fmt.Sprintf("/proc/%d/status", pid), "VmHWM:")
	return used, err
}

// kibibytes reads one line of a file of the kernel, in bytes.
func kibibytes(path, key string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == key {
			size, err := strconv.ParseInt(fields[1], 10, 64)
			return size << 10, err
		}
	}
	return 0, fmt.Errorf("%s has no line %s", path, key)
}

// Counts are totals since the server's start.
type Counts struct {
	Requests map[string]int // to API servers, by method
	Syncs    int            // of projects
	SyncTime time.Duration  // of all of them together
}

// Counts asks the server how many requests it made.
func (p *Process) Counts(ctx context.Context) (Counts, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Internal+"/metrics", nil)
	if err != nil {
		return Counts{}, fmt.Errorf("read the server's metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Counts{}, fmt.Errorf("read the server's metrics: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	counts := Counts{Requests: map[string]int{}}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		metric, value, _ := strings.Cut(lines.Text(), "} ")
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue // a comment
		}
		switch name, labels, _ := strings.Cut(metric, "{"); {
		case name == "rest_client_requests_total":
			counts.Requests[label(labels, "method")] += int(number)
		case name == "controller_runtime_reconcile_total" && label(labels, "controller") == "project":
			counts.Syncs += int(number)
		case name == "controller_runtime_reconcile_time_seconds_sum" && label(labels, "controller") == "project":
			counts.SyncTime += time.Duration(number * float64(time.Second))
		}
	}
	if err := lines.Err(); err != nil {
		return Counts{}, fmt.Errorf("read the server's metrics: %w", err)
	}
	return counts, nil
}

// label returns the value of one label of a metric.
func label(labels, key string) string {
	_, after, _ := strings.Cut(labels, key+`="`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}
