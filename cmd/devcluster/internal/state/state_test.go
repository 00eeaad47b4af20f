package state

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no state: %v", err)
	}
	saved, err := LoadOrNew(path)
	if err != nil {
		t.Fatal(err)
	}
	saved.Mode, saved.Sysctls = Full, map[string]string{"net/ipv4/ip_forward": "0"}
	if _, err := saved.Port("etcd"); err != nil {
		t.Fatal(err)
	}
	if err := saved.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(path)
	if diff := cmp.Diff(saved, loaded); err != nil || diff != "" {
		t.Errorf("%v (-saved +loaded):\n%s", err, diff)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "devcluster down") {
		t.Errorf("damaged: %v, want an error that says what to do", err)
	}
}

func TestPort(t *testing.T) {
	state := &State{Ports: map[string]int{}}
	seen := map[int]string{}
	for index := range 50 {
		name := strconv.Itoa(index)
		port, err := state.Port(name)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := seen[port]; taken {
			t.Errorf("%s and %s both have %d", name, other, port)
		}
		seen[port] = name
		if port < lowestPort || port > highestPort {
			t.Errorf("%d is out of the range", port)
		}
		if again, err := state.Port(name); err != nil || again != port {
			t.Errorf("asked again: %d (%v), want %d", again, err, port)
		}
	}
}

func TestTakenPortIsNotFree(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if isFree(port) {
		t.Errorf("%d is called free", port)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if !isFree(port) {
		t.Errorf("%d is called taken", port)
	}
}
