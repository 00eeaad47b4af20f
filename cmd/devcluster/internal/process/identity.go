package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Identity names one process for as long as the machine runs: a number may be
// used again, a number with a start time may not.
type Identity struct {
	PID int `json:"pid"`
	// Start is in clock ticks since boot, field 22 of /proc/PID/stat.
	Start uint64 `json:"start"`
	// Boot is the kernel's id of this boot; ticks of another boot mean nothing.
	Boot string `json:"boot"`
}

// Identify reads the identity of a process that runs now.
func Identify(pid int) (Identity, error) {
	start, _, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, fmt.Errorf("read boot id: %w", err)
	}
	return Identity{PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, nil
}

// Alive says whether exactly this process still runs. A zombie does not.
func (i Identity) Alive() bool {
	if i.PID <= 0 {
		return false
	}
	now, err := Identify(i.PID)
	if err != nil || now != i {
		return false
	}
	_, state, err := readStat(i.PID)
	return err == nil && state != 'Z' && state != 'X'
}

// Signal sends a signal to exactly this process. The process is pinned by a
// descriptor before its identity is compared, so the number can't change hands
// in between. os.ErrProcessDone means that it is gone.
func (i Identity) Signal(signal syscall.Signal) error {
	if i.PID <= 1 {
		return os.ErrProcessDone
	}
	pinned, err := os.FindProcess(i.PID) // opens a pidfd
	if err != nil {
		return os.ErrProcessDone
	}
	defer func() { _ = pinned.Release() }() // the descriptor is ours alone
	if !i.Alive() {
		return os.ErrProcessDone
	}
	if err := pinned.Signal(signal); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			return os.ErrProcessDone
		}
		return fmt.Errorf("signal process %d: %w", i.PID, err)
	}
	return nil
}

// readStat returns start time and state. The name in field 2 may hold spaces
// and parentheses, so fields are counted from the last ')'.
func readStat(pid int) (start uint64, state byte, err error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	line, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", path, err)
	}
	start, state, err = parseStat(line)
	if err != nil {
		return 0, 0, fmt.Errorf("parse %s: %w", path, err)
	}
	return start, state, nil
}

func parseStat(line []byte) (start uint64, state byte, err error) {
	end := bytes.LastIndexByte(line, ')')
	if end < 0 {
		return 0, 0, errors.New("no process name")
	}
	fields := strings.Fields(string(line[end+1:])) // field 3 of the line is fields[0]
	const startField = 22 - 3
	if len(fields) <= startField || len(fields[0]) != 1 {
		return 0, 0, fmt.Errorf("%d fields after the name, want more than %d", len(fields), startField)
	}
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("start time: %w", err)
	}
	return start, fields[0][0], nil
}
