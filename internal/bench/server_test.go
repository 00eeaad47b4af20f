//go:build integration

package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// server is the server that is measured.
type server interface {
	// spent returns what it used since its start.
	spent(*testing.B) spent
	// resetPeak begins a new peak of memory, peak returns it in bytes, and
	// memory what is resident now; 0 where that can't be told.
	resetPeak(*testing.B)
	peak(*testing.B) int64
	memory(*testing.B) int64
	// remember keeps the requests since a push was sent, and printCalls prints
	// them.
	remember(sent time.Time)
	printCalls()
}

// spent is what a server used.
type spent struct {
	requests  map[string]int // by method
	syncs     int
	syncTime  time.Duration
	processor time.Duration
}

func (s spent) plus(o spent) spent  { return s.combine(o, 1) }
func (s spent) minus(o spent) spent { return s.combine(o, -1) }

func (s spent) combine(o spent, sign int) spent {
	sum := spent{
		requests: maps.Clone(s.requests), syncs: s.syncs + sign*o.syncs,
		syncTime: s.syncTime + time.Duration(sign)*o.syncTime, processor: s.processor + time.Duration(sign)*o.processor,
	}
	if sum.requests == nil {
		sum.requests = map[string]int{}
	}
	for method, count := range o.requests {
		sum.requests[method] += sign * count
	}
	return sum
}

// writes counts the requests that change something.
func (s spent) writes() int {
	writes := 0
	for method, count := range s.requests {
		if method != "GET" && method != "WATCH" {
			writes += count
		}
	}
	return writes
}

// perPush says how many requests one of n pushes led to.
func (s spent) perPush(n int) string {
	var parts []string
	total := 0.0
	for _, method := range slices.Sorted(maps.Keys(s.requests)) {
		if each := float64(s.requests[method]) / float64(n); each >= 0.05 {
			parts = append(parts, fmt.Sprintf("%s=%.1f", method, each))
			total += each
		}
	}
	return fmt.Sprintf("%.1f %s", total, strings.Join(parts, " "))
}

func newServer(b *testing.B) server {
	b.Helper()
	if *program == "" {
		if _, err := world.Server(b.Context()); err != nil {
			b.Fatal(err)
		}
		return &inside{requests: map[string]int{}}
	}
	log := &servertest.Log{}
	process, err := world.Launch(b.Context(), servertest.Launch{Program: servertest.Program(*program), Log: log})
	if err != nil {
		b.Fatal(err)
	}
	world.DeliverTo(process)
	b.Cleanup(func() {
		if b.Failed() {
			fmt.Println(log)
		}
		process.Kill()
	})
	return outside{process}
}

// outside is a server in a process of its own.
type outside struct{ process *servertest.Process }

func (o outside) spent(b *testing.B) spent {
	b.Helper()
	counts, err := o.process.Counts(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return spent{requests: counts.Requests, syncs: counts.Syncs, syncTime: counts.SyncTime, processor: o.usage(b).Processor}
}

func (o outside) usage(b *testing.B) servertest.Usage {
	b.Helper()
	usage, err := o.process.Usage()
	if err != nil {
		b.Fatal(err)
	}
	return usage
}

func (o outside) peak(b *testing.B) int64   { return o.usage(b).Peak }
func (o outside) memory(b *testing.B) int64 { return o.usage(b).Memory }

func (o outside) resetPeak(b *testing.B) {
	b.Helper()
	if err := o.process.ResetPeak(); err != nil {
		b.Fatal(err)
	}
}

func (o outside) remember(time.Time) {}

func (o outside) printCalls() { fmt.Println("give -calls without -slipway") }

// inside is the server in this process. Its processor time is also the
// benchmark's and the forge's, and its memory can't be told from theirs.
type inside struct {
	requests   map[string]int
	last       []servertest.Call
	remembered []servertest.Call
	sent       time.Time
}

func (i *inside) spent(b *testing.B) spent {
	b.Helper()
	taken := world.Traffic.Take()
	for _, call := range taken {
		i.requests[call.Verb]++
	}
	if len(taken) > 0 {
		i.last = taken
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return spent{requests: maps.Clone(i.requests), processor: time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
}

func (i *inside) resetPeak(*testing.B)    {}
func (i *inside) peak(*testing.B) int64   { return 0 }
func (i *inside) memory(*testing.B) int64 { return 0 }

func (i *inside) remember(sent time.Time) {
	i.remembered, i.sent = slices.Clone(i.last), sent
	slices.SortFunc(i.remembered, func(a, b servertest.Call) int { return a.At.Compare(b.At) })
}

func (i *inside) printCalls() {
	for _, call := range i.remembered {
		if !call.At.Before(i.sent) {
			fmt.Printf("%8.1f %s\n", milliseconds(call.At.Sub(i.sent)), call)
		}
	}
}
