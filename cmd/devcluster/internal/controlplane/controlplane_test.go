package controlplane

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/golden"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/layout"
	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
)

func config(host string, advertise bool) Config {
	return Config{
		Layout: layout.Layout{Run: "/run-folder"}, Programs: "/programs",
		Authority: &pki.Authority{}, FrontProxy: &pki.Authority{}, Store: &pki.Authority{},
		Host: host, Advertise: advertise, APIServerPort: 6443,
		EtcdPort: 1, EtcdPeerPort: 2, ControllerManagerPort: 3,
	}
}

func TestSpecs(t *testing.T) {
	for name, c := range map[string]Config{
		"alone": config("127.0.0.1", false),
		"full":  config(layout.BridgeAddress, true),
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.MarshalIndent(c.Specs(), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, name+".json", string(raw)+"\n")
			if strings.Contains(string(raw), "0.0.0.0") {
				t.Error("something listens everywhere")
			}
		})
	}
}

func TestIssue(t *testing.T) {
	c := config("127.0.0.1", false)
	c.Layout.Run = t.TempDir()
	for authority, dir := range map[**pki.Authority]string{&c.Authority: c.Layout.File("pki"), &c.FrontProxy: c.Layout.File("pki", "front-proxy"), &c.Store: c.Layout.File("pki", "etcd")} {
		opened, err := pki.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		*authority = opened
	}
	if err := c.Issue(); err != nil {
		t.Fatal(err)
	}
	prober, err := NewProber(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := prober.Healthy(t.Context(), "unknown"); err == nil {
		t.Error("a program without a health address is called healthy")
	}
}
