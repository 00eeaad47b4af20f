package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The command line leaves no process behind, neither one that runs nor one that
// nobody has waited for: where nobody reaps, as in a container, it would stay for
// ever. This test takes the place of init and looks for what it inherits.
func TestNoProcessStaysBehind(t *testing.T) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Skipf("this kernel has no subreapers: %v", err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) }()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"fine":    "version: 1\nproject: shop\nmembers: [{user: alice, role: owner}]\nstages: [{name: dev, branch: main}]\nservices:\n  web: {image: \"nginx:1\"}\n",
		"missing": "version: 1\nproject: shop\nmembers: [{user: alice, role: owner}]\nstages: [{name: dev, branch: main}]\nservices:\n  web: {kustomize: nowhere}\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name, "slipway.yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program := programIn(t, dir)
	for name, tt := range map[string]struct {
		args []string
		code int
	}{
		"render":             {[]string{"render", "-C", "fine", "--stage", "dev"}, 0},
		"render that fails":  {[]string{"render", "-C", "missing", "--stage", "dev"}, 1},
		"eject":              {[]string{"eject", "-C", "fine", "--stage", "dev", "--to", "ejected"}, 0},
		"eject to its usage": {[]string{"eject", "-C", "fine", "--stage", "dev"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 { // whether a process is reaped in time may be luck
				command := exec.Command(program, tt.args...)
				command.Dir = dir
				var out bytes.Buffer
				command.Stdout, command.Stderr = &out, &out
				_ = command.Run()
				if code := command.ProcessState.ExitCode(); code != tt.code {
					t.Fatalf("it exits with %d, want %d:\n%s", code, tt.code, out.String())
				}
				for pid, state := range childrenOf(t, os.Getpid()) {
					_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
					t.Errorf("process %d stayed behind: %s", pid, state)
				}
				if err := os.RemoveAll(filepath.Join(dir, "ejected")); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// programIn returns the program's path: this test's own, which TestMain makes
// the program when it is called so.
func programIn(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "slipway")
	// A symbolic link would not do: render workers are started by the name
	// behind it, which is the test's.
	if os.Link(self, program) == nil {
		return program
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return program
}

// childrenOf returns the states of a process's children, by their ids.
func childrenOf(t *testing.T, parent int) map[int]string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := map[int]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		var pid, of int
		var state string
		before, after, _ := strings.Cut(string(data), ") ")
		if n, _ := fmt.Sscanf(after, "%s %d", &state, &of); n == 2 && of == parent {
			_, _ = fmt.Sscanf(before, "%d", &pid)
			children[pid] = state + " " + before
		}
	}
	return children
}
