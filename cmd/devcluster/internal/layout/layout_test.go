package layout

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkout makes a folder that looks like one, below a symbolic link.
func checkout(t *testing.T) (root string) {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "cmd", "devcluster", marker)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "internal", "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

func TestResolveDefaults(t *testing.T) {
	root := checkout(t)
	want := Layout{
		Source: filepath.Join(root, "cmd", "devcluster"),
		Cache:  filepath.Join(root, ".cache", "devcluster", "cache"),
		Run:    filepath.Join(root, ".cache", "devcluster", "run"),
	}
	for name, start := range map[string]string{"root": "", "deep": "internal/deep", "module": "cmd/devcluster", "component": "cmd/devcluster/components"} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(filepath.Join(root, start))
			got, err := Resolve("", "", "")
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	root := checkout(t)
	tests := map[string]struct{ source, cache, run, want string }{
		"no checkout":     {source: t.TempDir(), want: "--source"},
		"cache in run":    {source: root, cache: "/x/run/cache", run: "/x/run", want: "contain each other"},
		"run in cache":    {source: root, cache: "/x", run: "/x/run", want: "contain each other"},
		"the same":        {source: root, cache: "/x", run: "/x", want: "contain each other"},
		"by a longer way": {source: root, cache: "/x/../x/y", run: "/x", want: "contain each other"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Resolve(test.source, test.cache, test.run); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestLinksAreResolved(t *testing.T) {
	root := checkout(t)
	link := filepath.Join(root, "link")
	if err := os.Symlink(filepath.Join(root, "internal"), link); err != nil {
		t.Fatal(err)
	}
	got, err := Resolve(root, "", filepath.Join(link, "not", "there"))
	if want := filepath.Join(root, "internal", "not", "there"); err != nil || got.Run != want {
		t.Errorf("run folder %s (%v), want %s", got.Run, err, want)
	}
}

func TestExistingNeedsNoCheckout(t *testing.T) {
	empty, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(empty)
	got, err := Existing("", "", "run")
	if diff := cmp.Diff(Layout{Run: filepath.Join(empty, "run")}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := Existing("", "", ""); err == nil {
		t.Error("no error without a checkout and without a folder")
	}
}

func TestNetworksFit(t *testing.T) {
	pods, services := netip.MustParsePrefix(PodNetwork), netip.MustParsePrefix(ServiceNetwork)
	if pods.Overlaps(services) {
		t.Error("pods and Services overlap")
	}
	if !pods.Contains(netip.MustParseAddr(BridgeAddress)) {
		t.Error("the bridge is not in the pods' network")
	}
	for _, address := range []string{KubernetesService, DNSService} {
		if !services.Contains(netip.MustParseAddr(address)) {
			t.Errorf("%s is not in the Services' network", address)
		}
	}
}
