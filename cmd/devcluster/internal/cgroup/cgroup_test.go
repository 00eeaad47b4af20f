package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHierarchies(t *testing.T) {
	tests := map[string]struct {
		table string
		want  []string
	}{
		"version 2": {
			table: "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
			want:  []string{"/sys/fs/cgroup"},
		},
		"both": {
			table: "29 20 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
				"30 29 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" +
				"31 29 0:27 / /sys/fs/cgroup/unified rw shared:9 master:1 - cgroup2 cgroup2 rw\n",
			want: []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/unified"},
		},
		"none":    {table: "21 1 8:1 / / rw - ext4 /dev/vda rw\n"},
		"damaged": {table: "21 - cgroup\n - \n-\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, hierarchies(test.table)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestInheritCPUs(t *testing.T) {
	parent := t.TempDir()
	child := filepath.Join(parent, "child")
	if err := os.Mkdir(child, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(parent, "cpuset.cpus"), "0-1\n")
	write(filepath.Join(parent, "cpuset.mems"), "0\n")
	write(filepath.Join(child, "cpuset.cpus"), "\n")
	write(filepath.Join(child, "cpuset.mems"), "1\n")
	if err := inheritCPUs(parent, child); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"cpuset.cpus": "0-1\n", "cpuset.mems": "1\n"} {
		if got, err := os.ReadFile(filepath.Join(child, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
}
