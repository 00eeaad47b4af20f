package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Settings are the kernel settings that a node changes, by path below
// /proc/sys: forwarding is ours, the kubelet sets the others when it starts.
func Settings() []string {
	return []string{
		"net/ipv4/ip_forward",
		"vm/overcommit_memory", "vm/panic_on_oom",
		"kernel/panic", "kernel/panic_on_oops",
		"kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
	}
}

// ReadSettings returns the settings' values; those that this kernel lacks are left out.
func ReadSettings(names []string) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read kernel setting %s: %w", name, err)
		}
		values[name] = strings.TrimSpace(string(raw))
	}
	return values, nil
}

// WriteSettings sets those that differ.
func WriteSettings(values map[string]string) error {
	var failures []error
	for name, value := range values {
		path := filepath.Join("/proc/sys", name)
		now, err := os.ReadFile(path)
		if err == nil && strings.TrimSpace(string(now)) == value {
			continue
		}
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			failures = append(failures, fmt.Errorf("set kernel setting %s to %s: %w", name, value, err))
		}
	}
	return errors.Join(failures...)
}

func isNoDevice(err error) bool { return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) }
