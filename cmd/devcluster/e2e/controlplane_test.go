//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestControlPlane(t *testing.T) {
	path := program(t)
	first, second := newCluster(t, path), newCluster(t, path)
	first.run(t, "up", "--control-plane") // compiles

	t.Run("side by side", func(t *testing.T) {
		first.run(t, "down", "-q")
		began := time.Now()
		var both sync.WaitGroup
		for _, c := range []*cluster{first, second} {
			both.Go(func() {
				if output, err := c.try("up", "--control-plane", "-q"); err != nil || output != "" {
					t.Errorf("up: %v, output %q", err, output)
				}
			})
		}
		both.Wait()
		// One takes 4 s on two idle cores, both 6 s; a busy machine proves nothing.
		t.Logf("two control planes were ready after %s", time.Since(began))
	})
	t.Run("apart", func(t *testing.T) {
		first.kubectl(t, "", "create", "namespace", "only-in-first")
		if output := second.kubectl(t, "", "get", "namespaces"); strings.Contains(output, "only-in-first") {
			t.Errorf("the second shows the first's namespace:\n%s", output)
		}
		if output := first.kubectl(t, "", "version"); !strings.Contains(output, "Server Version: v1.36.3") {
			t.Errorf("version: %s", output)
		}
	})
	t.Run("controllers run", func(t *testing.T) {
		eventually(t, time.Minute, "the namespace gets its service account", func() string {
			output, err := first.tryKubectl("", "-n", "only-in-first", "get", "serviceaccount", "default")
			if err != nil {
				return output
			}
			return ""
		})
		first.kubectl(t, "", "delete", "namespace", "only-in-first", "--timeout=90s")
	})
	t.Run("repair", func(t *testing.T) {
		for _, component := range first.status(t).Components {
			if err := syscall.Kill(component.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			first.run(t, "up", "--control-plane", "-q")
			first.status(t)
		}
	})
	t.Run("full is refused in the same folder", func(t *testing.T) {
		if output, err := first.try("up"); err == nil || !strings.Contains(output, "control-plane mode") {
			t.Errorf("up: %v %q, want a refusal", err, output)
		}
	})
	first.run(t, "down", "-q")
	if left := processes(t, first.dir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	second.status(t) // the other one lives on
}

func TestParentPID(t *testing.T) {
	c := newCluster(t, program(t))
	parent := exec.Command("sleep", "1000")
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	c.run(t, "up", "--control-plane", "-q", "--parent-pid", strconv.Itoa(parent.Process.Pid))
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	eventually(t, time.Minute, "the cluster ends with its parent", func() string {
		if left := processes(t, c.dir); len(left) > 0 {
			return "processes run"
		}
		if _, err := os.Stat(c.dir); err == nil {
			return "folder is there"
		}
		return ""
	})
}
