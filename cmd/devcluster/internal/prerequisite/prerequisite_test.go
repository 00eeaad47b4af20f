package prerequisite

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/progress"
)

// machine is one of which everything is known.
type machine struct {
	os             string
	uid            int
	files, program []string
	// failing are the first words of commands that fail, once each.
	failing []string
	ran     []string
}

func (m *machine) OS() string               { return m.os }
func (m *machine) UID() int                 { return m.uid }
func (m *machine) Exists(path string) bool  { return slices.Contains(m.files, path) }
func (m *machine) Program(name string) bool { return slices.Contains(m.program, name) }
func (m *machine) Run(_ context.Context, name string, args ...string) (string, error) {
	line := name + " " + strings.Join(args, " ")
	m.ran = append(m.ran, line)
	for index, start := range m.failing {
		if strings.HasPrefix(line, start) {
			m.failing = slices.Delete(m.failing, index, index+1)
			return "E: no luck", errors.New("exit status 100")
		}
	}
	return "", nil
}

// debian lacks nothing.
func debian() *machine {
	return &machine{
		os:      "linux",
		files:   []string{"/sys/fs/cgroup/memory", "/usr/lib/cni/ptp", "/usr/include/stdlib.h", "/usr/include/seccomp.h"},
		program: []string{"go", "apt-get", "nft", "gcc", "pkg-config"},
	}
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		change func(*machine)
		want   string
	}{
		"well":       {change: func(*machine) {}},
		"version 2":  {change: func(m *machine) { m.files[0] = "/sys/fs/cgroup/cgroup.controllers" }},
		"not Linux":  {change: func(m *machine) { m.os = "darwin" }, want: "needs Linux, this is darwin"},
		"not root":   {change: func(m *machine) { m.uid = 1000 }, want: "as root"},
		"no Go":      {change: func(m *machine) { m.program = without(m.program, "go") }, want: "install Go"},
		"no cgroups": {change: func(m *machine) { m.files = m.files[1:] }, want: "no control groups"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			here := debian()
			test.change(here)
			err := Check(here)
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestInstall(t *testing.T) {
	const install = "apt-get install -y --no-install-recommends containernetworking-plugins nftables"
	tests := map[string]struct {
		failing []string
		apt     bool
		ran     []string
		want    string
	}{
		"at once":          {apt: true, ran: []string{install}},
		"no package lists": {apt: true, failing: []string{install}, ran: []string{install, "apt-get update", install}},
		"no network":       {apt: true, failing: []string{install, "apt-get update"}, ran: []string{install, "apt-get update"}, want: "E: no luck"},
		"no such package":  {apt: true, failing: []string{install, install}, ran: []string{install, "apt-get update", install}, want: "E: no luck"},
		"not Debian":       {want: "no apt-get"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			here := debian()
			here.files, here.program = without(here.files, "/usr/lib/cni/ptp"), without(here.program, "nft")
			if !test.apt {
				here.program = without(here.program, "apt-get")
			}
			here.failing = test.failing
			err := Install(t.Context(), here, progress.New(io.Discard))
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if diff := cmp.Diff(test.ran, here.ran); diff != "" {
				t.Errorf("ran (-want +got):\n%s", diff)
			}
		})
	}
	complete := debian()
	if err := Install(t.Context(), complete, progress.New(io.Discard)); err != nil || len(complete.ran) > 0 {
		t.Errorf("nothing is missing, but it ran %v (%v)", complete.ran, err)
	}
}
