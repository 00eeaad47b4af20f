package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Tree is the group of one name at the top of each hierarchy, with all below it.
type Tree struct {
	name string
	// hierarchies are mount points.
	hierarchies []string
}

// Find looks for the mounted hierarchies.
func Find(name string) (*Tree, error) {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return &Tree{name: name, hierarchies: hierarchies(string(raw))}, nil
}

// hierarchies returns the mount points of control groups in a mount table.
func hierarchies(mountinfo string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		before, after, found := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if found && len(fields) > 4 && len(kind) > 0 && (kind[0] == "cgroup" || kind[0] == "cgroup2") {
			points = append(points, fields[4])
		}
	}
	return points
}

// Make makes the group in every hierarchy.
func (t *Tree) Make() error {
	for _, hierarchy := range t.hierarchies {
		dir := filepath.Join(hierarchy, t.name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make control group: %w", err)
		}
		if err := inheritCPUs(hierarchy, dir); err != nil {
			return err
		}
	}
	return nil
}

// inheritCPUs fills what version 1's cpuset leaves empty in a new group, which
// then could hold no process.
func inheritCPUs(parent, dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		now, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(now)) != "" {
			continue
		}
		all, err := os.ReadFile(filepath.Join(parent, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // version 2 needs none
		}
		if err != nil {
			return fmt.Errorf("prepare control group: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), all, 0o600); err != nil {
			return fmt.Errorf("prepare control group: %w", err)
		}
	}
	return nil
}

// Remove kills every process in the tree and removes its groups.
func (t *Tree) Remove(ctx context.Context) error {
	for {
		err := t.sweep()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove control group %s: %w", t.name, errors.Join(ctx.Err(), err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// sweep kills and removes once; nil when nothing is left.
func (t *Tree) sweep() error {
	var failures []error
	for _, hierarchy := range t.hierarchies {
		groups, err := groups(filepath.Join(hierarchy, t.name))
		failures = append(failures, err)
		for index := len(groups) - 1; index >= 0; index-- { // children first
			failures = append(failures, killAll(groups[index], hierarchy))
			if err := os.Remove(groups[index]); err != nil && !errors.Is(err, fs.ErrNotExist) {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(failures...)
}

// groups lists dir and the groups below it, parents first; none if dir is missing.
func groups(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list control groups: %w", err)
	}
	return found, nil
}

// killAll kills the processes of one group. Each is pinned before its
// membership is read again, so a number that changed hands is not hit.
func killAll(group, hierarchy string) error {
	members, err := members(group)
	if err != nil {
		return err
	}
	for _, pid := range members {
		if pid == os.Getpid() {
			return fmt.Errorf("this program itself is in %s", group)
		}
		pinned, err := os.FindProcess(pid) // opens a pidfd
		if err != nil {
			continue
		}
		if isMember(pid, strings.TrimPrefix(group, hierarchy)) {
			_ = pinned.Signal(unix.SIGKILL) // it may be gone; the group tells
		}
		_ = pinned.Release()
	}
	return nil
}

func members(group string) ([]int, error) {
	raw, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list processes of control group: %w", err)
	}
	var pids []int
	for _, field := range strings.Fields(string(raw)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 { // 0 is in another pid namespace
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// isMember says whether the process is in the group of that path in any hierarchy.
func isMember(pid int, path string) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(raw)) {
		if parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3); len(parts) == 3 && parts[2] == path {
			return true
		}
	}
	return false
}
