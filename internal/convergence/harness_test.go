//go:build integration

package convergence

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/controller/servertest"
)

// harness is a server that can be killed, behind a gate to the API server.
type harness struct {
	t     *testing.T
	gate  *servertest.Gate
	link  *servertest.Link // before the gate, when there is one
	flags []string

	mu      sync.Mutex
	process *servertest.Process
	kills   int
}

// startServer starts a server behind a gate of its own.
func startServer(t *testing.T, flags ...string) *harness {
	t.Helper()
	gate, err := servertest.NewGate(world.Plane)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, gate: gate, flags: flags}
	t.Cleanup(h.close)
	if err := h.start(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, output.about(""))
	}
	return h
}

func (h *harness) close() {
	h.gate.Watch(nil)
	h.kill()
	world.Open(nil)
	h.gate.Close()
}

// start launches a process.
func (h *harness) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	p, err := world.Launch(ctx, servertest.Launch{Program: program, Gate: h.gate, Link: h.link, Log: &output, Flags: h.flags})
	output.note("a server that was started %s ago is ready: %v", time.Since(began).Round(time.Millisecond), err == nil)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.process = p
	return nil
}

// kill kills the process, if one runs.
func (h *harness) kill() {
	h.mu.Lock()
	p := h.process
	h.mu.Unlock()
	if p != nil {
		p.Kill()
		output.note("the server is killed")
	}
}

// running returns the process.
func (h *harness) running() *servertest.Process {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.process
}

// revive keeps a process running until the context ends: it starts one
// whenever the last was killed.
func (h *harness) revive(ctx context.Context) error {
	for ctx.Err() == nil {
		if h.running().Alive() {
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
			continue
		}
		h.mu.Lock()
		h.kills++
		h.mu.Unlock()
		// A process that was killed while it started is started again.
		if err := h.start(ctx); err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return nil
}
