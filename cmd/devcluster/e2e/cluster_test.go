//go:build e2e

// Package e2e proves on the machine itself that clusters come, work, are
// repaired and go without a trace. It runs the program as people do.
package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cluster is one cluster of the program under test.
type cluster struct {
	program, dir string
}

// program compiles devcluster once for a test.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "devcluster")
	build := exec.Command("go", "build", "-o", path, "..")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("compile devcluster: %v\n%s", err, output)
	}
	return path
}

// newCluster names a folder that doesn't exist yet; what is left of the cluster
// goes with the test.
func newCluster(t *testing.T, program string) *cluster {
	t.Helper()
	c := &cluster{program: program, dir: filepath.Join(t.TempDir(), "run")}
	t.Cleanup(func() {
		if t.Failed() {
			c.printLogs(t)
		}
		if output, err := c.try("down", "-q"); err != nil {
			t.Errorf("down: %v\n%s", err, output)
		}
	})
	return c
}

func (c *cluster) try(args ...string) (string, error) {
	command := exec.Command(c.program, append(args, "--dir", c.dir)...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}

func (c *cluster) run(t *testing.T, args ...string) string {
	t.Helper()
	output, err := c.try(args...)
	if err != nil {
		t.Fatalf("devcluster %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// status is what the contract promises to those who read it.
type status struct {
	Mode, Kubeconfig, APIServer, Registry, Ingress, Cache string
	Components                                            []struct {
		Name, Problem string
		PID           int
		Healthy       bool
	}
}

func (c *cluster) status(t *testing.T) status {
	t.Helper()
	var now status
	if err := json.Unmarshal([]byte(c.run(t, "status", "-o", "json")), &now); err != nil {
		t.Fatalf("parse status: %v", err)
	}
	return now
}

// pid is that of a program of the cluster.
func (s status) pid(t *testing.T, name string) int {
	t.Helper()
	for _, component := range s.Components {
		if component.Name == name {
			return component.PID
		}
	}
	t.Fatalf("status names no %s", name)
	return 0
}

func (c *cluster) tryKubectl(input string, args ...string) (string, error) {
	state, err := os.ReadFile(filepath.Join(c.dir, "state.json"))
	if err != nil {
		return "", err
	}
	var known struct{ Cache, Kubeconfig string }
	if err := json.Unmarshal(state, &known); err != nil {
		return "", err
	}
	command := exec.Command(filepath.Join(known.Cache, "bin", "kubectl"), append([]string{"--kubeconfig", known.Kubeconfig}, args...)...)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	return string(output), err
}

func (c *cluster) kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	output, err := c.tryKubectl(input, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// printLogs shows the end of every program's output before it is removed.
func (c *cluster) printLogs(t *testing.T) {
	logs, err := filepath.Glob(filepath.Join(c.dir, "logs", "*.log"))
	if err != nil {
		t.Logf("list logs: %v", err)
	}
	for _, path := range logs {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Logf("read log: %v", err)
		}
		t.Logf("%s ends with:\n%s", path, raw[max(0, len(raw)-1500):])
	}
	if output, err := c.tryKubectl("", "get", "events,pods", "-A"); err == nil {
		t.Logf("cluster:\n%s", output)
	}
}

// eventually asks until there is no complaint.
func eventually(t *testing.T, limit time.Duration, what string, ask func() string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		complaint := ask()
		if complaint == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %s", what, limit, complaint)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
