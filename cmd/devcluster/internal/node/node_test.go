package node

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/golden"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
)

func config(run string) Config {
	return Config{
		Layout: layout.Layout{Run: run}, Kubernetes: "/kubernetes", Containerd: "/containerd", Runc: "/runc",
		Authority: &pki.Authority{}, APIServer: "https://10.244.77.1:6443", PauseImage: "registry/pause:1",
		Plugins: "/plugins", MTU: 1400, Memory: 16 << 30,
		SchedulerPort: 1, KubeletHealthPort: 2, ProxyHealthPort: 3, ProxyMetricsPort: 4,
	}
}

func TestConfigurations(t *testing.T) {
	c := config("/run-folder")
	for name, value := range map[string]any{"kubelet.json": c.kubeletConfiguration("/etc/resolv.conf"), "cni.json": c.cni()} {
		raw, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, name, string(raw)+"\n")
	}
	golden.Compare(t, "containerd.toml", c.containerdConfiguration())
}

func TestProxyStartsAnewOnlyWhenItsConfigurationChanges(t *testing.T) {
	c := config(t.TempDir())
	first, err := c.proxy()
	if err != nil {
		t.Fatal(err)
	}
	path := c.Layout.File("config", "kube-proxy.json")
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.proxy()
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("the file was written again (%v), at which kube-proxy ends", err)
	}
	c.ProxyHealthPort = 99
	third, err := c.proxy()
	if err != nil {
		t.Fatal(err)
	}
	var digests [3]string
	for index, spec := range []interface{ Digest() (string, error) }{first, second, third} {
		if digests[index], err = spec.Digest(); err != nil {
			t.Fatal(err)
		}
	}
	if digests[0] != digests[1] || digests[1] == digests[2] {
		t.Errorf("digests %v, want the first two equal, the third another", digests)
	}
}

func TestReserved(t *testing.T) {
	for memory, want := range map[int64]int64{2000: 200, 64 << 30: 1 << 30} {
		if got := reserved(memory); got != want {
			t.Errorf("of %d bytes %d are reserved, want %d", memory, got, want)
		}
	}
}

func TestCheckPaths(t *testing.T) {
	if err := CheckPaths("/home/somebody/src/slipway/.cache/devcluster/run"); err != nil {
		t.Errorf("a usual folder: %v", err)
	}
	long := filepath.Join("/", strings.Repeat("x", 80))
	if err := CheckPaths(long); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("a long folder: %v, want an error that names --dir", err)
	}
}

func TestMachineMemory(t *testing.T) {
	if memory, err := MachineMemory(); err != nil || memory < 64<<20 {
		t.Errorf("%d bytes (%v)", memory, err)
	}
}
