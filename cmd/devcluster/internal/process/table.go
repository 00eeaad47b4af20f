package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

// Table is the set of processes recorded in one folder: a file per process for
// its identity, one for its output. Safe for one user at a time; the cluster's
// lock sees to that.
type Table struct {
	pids, logs string
}

// NewTable keeps records under dir/pids and output under dir/logs.
func NewTable(dir string) *Table {
	return &Table{pids: filepath.Join(dir, "pids"), logs: filepath.Join(dir, "logs")}
}

// record is the content of a pid file.
type record struct {
	Identity
	Digest string `json:"digest"`
}

// Ensure makes the process run: one that was started from the same spec is left
// alone, one from another spec is ended first. It says whether it started one.
func (t *Table) Ensure(ctx context.Context, spec Spec) (started bool, err error) {
	digest, err := spec.Digest()
	if err != nil {
		return false, err
	}
	now, known, err := t.read(spec.Name)
	if err != nil {
		return false, err
	}
	if known && now.Alive() {
		if now.Digest == digest {
			return false, nil
		}
		if err := t.Stop(ctx, spec.Name, 10*time.Second); err != nil {
			return false, err
		}
	}
	return true, t.start(spec, digest)
}

// Identity returns the recorded process; false when none was ever started.
func (t *Table) Identity(name string) (Identity, bool) {
	now, known, err := t.read(name)
	return now.Identity, known && err == nil
}

// Alive says whether the recorded process of that name runs.
func (t *Table) Alive(name string) bool {
	id, known := t.Identity(name)
	return known && id.Alive()
}

// Names lists every recorded process, sorted, dead ones included.
func (t *Table) Names() ([]string, error) {
	files, err := os.ReadDir(t.pids)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var names []string
	for _, file := range files {
		if name, is := strings.CutSuffix(file.Name(), ".json"); is {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names, nil
}

// Stop ends the process: SIGTERM, then SIGKILL after grace. Its record goes
// when it is gone. One that isn't recorded or already gone is no error.
func (t *Table) Stop(ctx context.Context, name string, grace time.Duration) error {
	now, known, err := t.read(name)
	if err != nil {
		return err
	}
	if !known {
		return nil
	}
	if err := now.end(ctx, grace); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	if err := os.Remove(t.pidFile(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget %s: %w", name, err)
	}
	return nil
}

// LogFile is where the process of that name writes.
func (t *Table) LogFile(name string) string { return filepath.Join(t.logs, name+".log") }

// Tail returns the last lines that the process wrote, to explain its end.
func (t *Table) Tail(name string, lines int) string {
	raw, err := os.ReadFile(t.LogFile(name))
	if err != nil {
		return ""
	}
	all := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// start detaches the process into its own session, so that neither a closed
// terminal nor an interrupted starter ends it.
func (t *Table) start(spec Spec, digest string) error {
	for _, dir := range []string{t.pids, t.logs} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("start %s: %w", spec.Name, err)
		}
	}
	if err := os.Rename(t.LogFile(spec.Name), t.LogFile(spec.Name)+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("start %s: keep its last log: %w", spec.Name, err)
	}
	log, err := os.OpenFile(t.LogFile(spec.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	defer func() { _ = log.Close() }() // the child has its own copy
	command := &exec.Cmd{
		Path: spec.Path, Args: append([]string{spec.Path}, spec.Args...), Env: spec.Env,
		Dir: "/", Stdout: log, Stderr: log, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	// A process that ended at once has an identity until it is reaped.
	id, err := Identify(command.Process.Pid)
	go func() { _ = command.Wait() }() // reap it when it ends before we do
	if err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return t.write(spec.Name, record{Identity: id, Digest: digest})
}

// end waits until the process is gone.
func (i Identity) end(ctx context.Context, grace time.Duration) error {
	signal, deadline := syscall.SIGTERM, time.Now().Add(grace)
	if err := i.Signal(signal); errors.Is(err, os.ErrProcessDone) {
		return nil
	} else if err != nil {
		return err
	}
	for i.Alive() {
		if signal == syscall.SIGTERM && time.Now().After(deadline) {
			signal = syscall.SIGKILL
			if err := i.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d still runs: %w", i.PID, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (t *Table) pidFile(name string) string { return filepath.Join(t.pids, name+".json") }

func (t *Table) read(name string) (now record, known bool, err error) {
	raw, err := os.ReadFile(t.pidFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, false, nil
	}
	if err != nil {
		return record{}, false, fmt.Errorf("read record of %s: %w", name, err)
	}
	if err := json.Unmarshal(raw, &now); err != nil {
		return record{}, false, fmt.Errorf("read record of %s: %w; remove %s once the process is gone", name, err, t.pidFile(name))
	}
	return now, true, nil
}

// write replaces the record in one step, so that a crash leaves the old or the new.
func (t *Table) write(name string, now record) error {
	raw, err := json.Marshal(now)
	if err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	next := t.pidFile(name) + ".next"
	if err := os.WriteFile(next, raw, 0o600); err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	if err := os.Rename(next, t.pidFile(name)); err != nil {
		return fmt.Errorf("record %s: %w", name, err)
	}
	return nil
}
