package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/state"
)

func newCluster(t *testing.T) *Cluster {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return New(layout.Layout{Cache: filepath.Join(root, "cache"), Run: filepath.Join(root, "run")}, io.Discard)
}

func TestNoCluster(t *testing.T) {
	c := newCluster(t)
	if _, err := c.Status(t.Context()); !errors.Is(err, ErrNone) {
		t.Errorf("status: %v, want %v", err, ErrNone)
	}
	if err := c.Down(t.Context()); err != nil {
		t.Errorf("down: %v", err)
	}
	if left, err := filepath.Glob(c.layout.Run + "*"); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestDownNeedsNoReadableState(t *testing.T) {
	c := newCluster(t)
	spec := process.Spec{Name: "one", Path: "/bin/sleep", Args: []string{"1000"}, Env: process.Environment(c.layout.Run)}
	if _, err := c.table.Ensure(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	id, _ := c.table.Identity("one")
	if err := os.WriteFile(c.stateFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The record is lost too, as after a crash between start and record.
	if err := os.Remove(c.layout.File("pids", "one.json")); err != nil {
		t.Fatal(err)
	}
	if err := c.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if id.Alive() {
		t.Error("the process lives on")
	}
	if _, err := os.Stat(c.layout.Run); !os.IsNotExist(err) {
		t.Errorf("the folder is there: %v", err)
	}
}

func TestModesDoNotMix(t *testing.T) {
	c := newCluster(t)
	if _, err := c.open(state.ControlPlane, Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.open(state.Full, Options{}); err == nil || !strings.Contains(err.Error(), "devcluster down --dir "+c.layout.Run) {
		t.Errorf("error %v, want one that says what to do", err)
	}
	if _, err := c.open(state.ControlPlane, Options{}); err != nil {
		t.Errorf("the same mode again: %v", err)
	}
}

func TestMissingParent(t *testing.T) {
	c := newCluster(t)
	const none = 1 << 30 // more than the kernel gives
	if _, err := c.open(state.ControlPlane, Options{ParentPID: none}); err == nil || !strings.Contains(err.Error(), "parent process") {
		t.Errorf("error %v, want one about the parent process", err)
	}
}

func TestTakenIngressPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := refuseTaken(port); err == nil || !strings.Contains(err.Error(), "--ingress-port") {
		t.Errorf("error %v, want one that names --ingress-port", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := refuseTaken(port); err != nil {
		t.Errorf("free: %v", err)
	}
}

func TestAwaitExplainsAnEnd(t *testing.T) {
	c := newCluster(t)
	spec := process.Spec{Name: "one", Path: "/bin/sh", Args: []string{"-c", "echo no such flag >&2; exit 1"}, Env: process.Environment(c.layout.Run)}
	never := func(_ context.Context, _ string) error { return errors.New("refused") }
	err := c.ensure(t.Context(), spec, startLimit, never)
	if err == nil || !strings.Contains(err.Error(), "one: ended instead of starting") || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("error %v, want the program's last words", err)
	}
}

func TestEnv(t *testing.T) {
	c := newCluster(t)
	known, err := c.open(state.ControlPlane, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.writeEnv(known); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(c.layout.File("env"))
	if want := "KUBECONFIG=" + c.layout.Kubeconfig() + "\n"; err != nil || string(raw) != want {
		t.Errorf("env %q (%v), want %q", raw, err, want)
	}
}
