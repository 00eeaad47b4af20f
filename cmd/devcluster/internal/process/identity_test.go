package process

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"
	tests := map[string]struct {
		line  string
		start uint64
		fails bool
	}{
		"plain":                 {line: "7 (etcd)" + rest, start: 4711},
		"spaces in the name":    {line: "7 (a b c)" + rest, start: 4711},
		"parenthesis in it":     {line: "7 (a) S 1 (b)" + rest, start: 4711},
		"no name":               {line: "7 etcd S 1", fails: true},
		"cut short":             {line: "7 (etcd) S 1 2", fails: true},
		"start is not a number": {line: "7 (etcd) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 x 20", fails: true},
		"empty":                 {fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			start, state, err := parseStat([]byte(test.line))
			if (err != nil) != test.fails {
				t.Fatalf("error %v, want one: %v", err, test.fails)
			}
			if err == nil && (start != test.start || state != 'S') {
				t.Errorf("start %d state %c, want %d S", start, state, test.start)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (a) S 1) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if _, state, err := parseStat(line); err == nil && state == 0 {
			t.Error("parsed without a state")
		}
	})
}

// sleeper starts a child that lives until the test ends.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	command := exec.Command("sleep", "1000")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	return command
}

func TestSignalSparesAnotherProcessWithTheSameNumber(t *testing.T) {
	command := sleeper(t)
	right, err := Identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	others := map[string]Identity{
		"earlier start": {PID: right.PID, Start: right.Start - 1, Boot: right.Boot},
		"another boot":  {PID: right.PID, Start: right.Start, Boot: "another"},
		"init":          {PID: 1, Start: right.Start, Boot: right.Boot},
		"none":          {},
	}
	for name, other := range others {
		t.Run(name, func(t *testing.T) {
			if other.Alive() {
				t.Error("alive, want not")
			}
			if err := other.Signal(syscall.SIGKILL); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("error %v, want %v", err, os.ErrProcessDone)
			}
		})
	}
	if !right.Alive() {
		t.Error("the process was hit")
	}
}

func TestWaitSeesTheEnd(t *testing.T) {
	command := sleeper(t)
	id, err := Identify(command.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- id.Wait(t.Context()) }()
	select {
	case err := <-ended:
		t.Fatalf("returned while the process runs: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if id.Alive() {
		t.Error("alive after the end")
	}
}
