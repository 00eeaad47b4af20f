//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/network"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/process"
)

// traces is everything on the machine in which a cluster could leave something,
// a set of lines for each kind.
type traces map[string]map[string]bool

// lookAround reads the machine. Processes are listed only when they have to do
// with the cluster in dir, because the machine runs others all the time.
func lookAround(t *testing.T, dir string) traces {
	t.Helper()
	found := traces{
		"process":        processes(t, dir, layout.Sockets, layout.CgroupName),
		"mount":          mounts(t),
		"network device": devices(t),
		"route":          routes(t),
		"packet filter":  output(t, "nft", "list", "tables"),
		"control group":  controlGroups(t),
		"namespace file": list(t, "/run/netns"),
		"run":            list(t, "/run"),
		"kernel setting": settings(t),
		"state folder":   list(t, "/var/lib"),
		"log folder":     list(t, "/var/log"),
	}
	if _, err := exec.LookPath("iptables-save"); err == nil {
		found["iptables"] = output(t, "iptables-save")
	}
	return found
}

// left is what is there now and wasn't before, or the other way round.
func left(before, now traces) []string {
	var lines []string
	for kind := range before {
		for line := range now[kind] {
			if !before[kind][line] {
				lines = append(lines, fmt.Sprintf("new %s: %s", kind, line))
			}
		}
		for line := range before[kind] {
			if !now[kind][line] {
				lines = append(lines, fmt.Sprintf("lost %s: %s", kind, line))
			}
		}
	}
	return lines
}

// processes are those that carry the mark of the cluster in dir, and those
// whose command line or control group names it or one of the further words.
func processes(t *testing.T, dir string, words ...string) map[string]bool {
	t.Helper()
	marked, err := process.Marked(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, id := range marked {
		found[fmt.Sprintf("marked %d", id.PID)] = true
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range commands {
		command, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		groups, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cgroup"))
		text := strings.ReplaceAll(string(command), "\x00", " ")
		for _, word := range append(words, dir+"/") {
			if strings.Contains(text+string(groups), word) {
				found[filepath.Dir(path)+" "+text] = true
			}
		}
	}
	return found
}

func mounts(t *testing.T) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return lines(string(raw))
}

func devices(t *testing.T) map[string]bool {
	t.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, link := range links {
		found[link.Type()+" "+link.Attrs().Name] = true
	}
	return found
}

func routes(t *testing.T) map[string]bool {
	t.Helper()
	all, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, route := range all {
		found[route.String()] = true
	}
	return found
}

func controlGroups(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() && strings.Contains(path, layout.CgroupName) || err == nil && strings.Contains(path, "kubepods") {
			found[path] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func settings(t *testing.T) map[string]bool {
	t.Helper()
	values, err := network.ReadSettings(network.Settings())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for name, value := range values {
		found[name+"="+value] = true
	}
	return found
}

func list(t *testing.T, dir string) map[string]bool {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, entry := range entries {
		found[entry.Name()] = true
	}
	return found
}

func output(t *testing.T, name string, args ...string) map[string]bool {
	t.Helper()
	raw, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, raw)
	}
	return lines(string(raw))
}

func lines(text string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(text) {
		found[strings.TrimSpace(line)] = true
	}
	return found
}
