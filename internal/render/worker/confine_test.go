package worker_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-dev/slipway/internal/render/worker/confine"
)

// attempts are what a hostile repository would want a worker to do. Each is
// tried twice: free, to see that it would work here, and confined.
func attempts(dir, address string) map[string]func() error {
	return map[string]func() error{
		"read a file":        func() error { _, err := os.ReadFile(filepath.Join(dir, "secret")); return err },
		"write a file":       func() error { return os.WriteFile(filepath.Join(dir, "written"), []byte("x"), 0o600) },
		"list a directory":   func() error { _, err := os.ReadDir(dir); return err },
		"read environment":   func() error { _, err := os.ReadFile("/proc/self/environ"); return err },
		"remove a file":      func() error { return os.Remove(filepath.Join(dir, "removable")) },
		"connect":            func() error { return connect(address) },
		"fetch":              func() error { return fetch(address) },
		"listen":             func() error { return listen() },
		"start a program":    func() error { return exec.Command("/bin/true").Run() },
		"replace itself":     func() error { return denied(syscall.Exec("/nonexistent/program", nil, nil)) },
		"signal the parent":  func() error { return syscall.Kill(os.Getppid(), 0) },
		"trace the parent":   func() error { return denied(syscall.PtraceAttach(os.Getppid())) },
		"raise its limits":   func() error { return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 32, Max: 32}) },
		"change directory":   func() error { return os.Chdir("/tmp") },
		"make code":          func() error { return makeCode() },
		"see what is where":  func() error { _, err := os.Stat(dir); return err },
		"resolve a name":     func() error { _, err := net.LookupHost("localhost"); return err },
		"make a namespace":   func() error { return syscall.Unshare(syscall.CLONE_NEWUSER) },
		"share memory files": func() error { fd, err := unix.MemfdCreate("x", 0); _ = unix.Close(fd); return err },
	}
}

// denied keeps only the refusal: any other error means that the call was made.
func denied(err error) error {
	if errors.Is(err, syscall.EPERM) {
		return err
	}
	return nil
}

func connect(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		_ = conn.Close()
	}
	return err
}

func fetch(address string) error {
	client := http.Client{Timeout: time.Second}
	response, err := client.Get("http://" + address)
	if err == nil {
		_ = response.Body.Close()
	}
	return err
}

func listen() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		_ = listener.Close()
	}
	return err
}

func makeCode() error {
	memory, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil {
		_ = syscall.Munmap(memory)
	}
	return err
}

// probe runs in a process of its own: confines it, or not, and reports which
// attempts failed.
func probe(dir, address, free string) {
	if free != "free" {
		if err := confine.Self(confine.Limits{Memory: 1 << 30, CPU: 60, Threads: 1}); err != nil {
			panic(err)
		}
	}
	failed := map[string]string{}
	for name, attempt := range attempts(dir, address) {
		if free == "free" && (name == "replace itself" || name == "trace the parent" || name == "make a namespace") {
			continue // they would work, and end or change this process
		}
		if err := attempt(); err != nil {
			failed[name] = err.Error()
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(failed)
}

func TestConfinement(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	address := server.Listener.Addr().String()

	free := runProbe(t, address, "free")
	if len(free) > 0 {
		t.Errorf("these attempts prove nothing, because they fail without confinement too: %v", free)
	}
	if connections.Swap(0) == 0 {
		t.Error("the free attempts reached no network")
	}
	confined := runProbe(t, address, "confined")
	for name := range attempts("", "") {
		if confined[name] == "" {
			t.Errorf("a confined process can %s", name)
		}
	}
	if n := connections.Load(); n > 0 {
		t.Errorf("%d connections reached the network", n)
	}
}

func runProbe(t *testing.T, address, free string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"secret", "removable"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("/proc/self/exe", "probe", dir, address, free)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]string{}
	if err := json.Unmarshal(output, &failed); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "written")); (err == nil) != (free == "free") {
		t.Errorf("%s: the file that it tried to write: %v", free, err)
	}
	return failed
}

// TestChildHasNothing looks at a waiting child from outside.
func TestChildHasNothing(t *testing.T) {
	t.Setenv("SLIPWAY_TEST_SECRET", "hunter2")
	newPool(t, nil)
	for _, pid := range childrenOf(t, os.Getpid()) {
		dir := "/proc/" + strconv.Itoa(pid)
		environment, err := os.ReadFile(dir + "/environ")
		if err != nil {
			t.Fatal(err)
		}
		if len(environment) > 0 {
			t.Errorf("a child's environment is %q, want none", environment)
		}
		if cwd, err := os.Readlink(dir + "/cwd"); err != nil || cwd != "/" {
			t.Errorf("a child works in %s (%v), want /", cwd, err)
		}
		files, err := os.ReadDir(dir + "/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			target, err := os.Readlink(dir + "/fd/" + file.Name())
			if err == nil && target[0] == '/' && !strings.HasPrefix(target, "/sys/fs/cgroup/") && target != "/dev/null" {
				t.Errorf("a child has %s open as %s", target, file.Name())
			}
		}
	}
}
