package process

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func shell(name, script, run string) Spec {
	return Spec{Name: name, Path: "/bin/sh", Args: []string{"-c", script}, Env: Environment(run)}
}

func ensure(t *testing.T, table *Table, spec Spec) (Identity, bool) {
	t.Helper()
	started, err := table.Ensure(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	id, known := table.Identity(spec.Name)
	if !known {
		t.Fatalf("%s isn't recorded", spec.Name)
	}
	t.Cleanup(func() {
		if err := id.end(context.Background(), 0); err != nil { // the test's context is over
			t.Error(err)
		}
	})
	return id, started
}

func TestEnsure(t *testing.T) {
	dir := t.TempDir()
	table := NewTable(dir)
	spec := shell("one", "echo hello; exec sleep 1000", dir)
	first, started := ensure(t, table, spec)
	if !started {
		t.Error("the first time starts nothing")
	}
	if again, started := ensure(t, NewTable(dir), spec); started || again != first {
		t.Errorf("the same spec starts another: %v %v", started, again)
	}
	changed := spec
	changed.Inputs = []string{"configuration"}
	second, started := ensure(t, table, changed)
	if !started || second == first || first.Alive() || !second.Alive() {
		t.Errorf("a changed spec: started %v, first alive %v, second alive %v", started, first.Alive(), second.Alive())
	}
	if err := second.end(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if third, started := ensure(t, table, changed); !started || !third.Alive() {
		t.Error("a process that was killed isn't started again")
	}
}

// Whoever waits for such a process says how it ended; starting it never fails
// for it, however fast it is.
func TestProcessThatEndsAtOnceIsRecorded(t *testing.T) {
	table := NewTable(t.TempDir())
	for range 50 {
		if _, started := ensure(t, table, shell("one", "exit 1", "/nowhere")); !started {
			t.Fatal("a process that ended isn't started again")
		}
		for table.Alive("one") {
			time.Sleep(time.Millisecond)
		}
	}
}

func TestStop(t *testing.T) {
	tests := map[string]struct {
		script string
		grace  time.Duration
	}{
		"obeys":             {script: "exec sleep 1000", grace: time.Minute},
		"ignores the first": {script: "trap '' TERM; echo ready; while :; do sleep 0.05; done", grace: 100 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			table := NewTable(t.TempDir())
			id, _ := ensure(t, table, shell("one", test.script, "/nowhere"))
			if err := table.Stop(t.Context(), "one", test.grace); err != nil {
				t.Fatal(err)
			}
			if id.Alive() {
				t.Error("still alive")
			}
			names, err := table.Names()
			if err != nil || len(names) != 0 {
				t.Errorf("recorded: %v %v, want none", names, err)
			}
		})
	}
	if err := NewTable(t.TempDir()).Stop(t.Context(), "never started", 0); err != nil {
		t.Errorf("stopping nothing: %v", err)
	}
}

func TestOutputIsKept(t *testing.T) {
	dir := t.TempDir()
	table := NewTable(dir)
	spec := shell("one", "echo first; echo second; echo third >&2; exec sleep 1000", dir)
	ensure(t, table, spec)
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(table.Tail("one", 9), "third") && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	if diff := cmp.Diff("second\nthird", table.Tail("one", 2)); diff != "" {
		t.Errorf("last lines (-want +got):\n%s", diff)
	}
}

func TestDamagedRecordIsAnError(t *testing.T) {
	dir := t.TempDir()
	table := NewTable(dir)
	if err := os.MkdirAll(dir+"/pids", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/pids/one.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Ensure(t.Context(), shell("one", "sleep 1", dir)); err == nil || !strings.Contains(err.Error(), "one.json") {
		t.Errorf("error %v, want one that names the file", err)
	}
}

func TestSweepFindsLostProcesses(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	// The record of the first is lost; its child isn't ours by record at all.
	lost, _ := ensure(t, NewTable(t.TempDir()), shell("lost", "sleep 1000 & wait", dir))
	other, _ := ensure(t, NewTable(t.TempDir()), shell("other", "exec sleep 1000", elsewhere))
	deadline := time.Now().Add(10 * time.Second)
	for found := 0; found < 2 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		marked, err := Marked(dir)
		if err != nil {
			t.Fatal(err)
		}
		found = len(marked)
	}
	if err := Sweep(t.Context(), dir, 0); err != nil {
		t.Fatal(err)
	}
	if left, err := Marked(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v %v", left, err)
	}
	if lost.Alive() || !other.Alive() {
		t.Errorf("lost alive %v, other alive %v, want only the other", lost.Alive(), other.Alive())
	}
}
