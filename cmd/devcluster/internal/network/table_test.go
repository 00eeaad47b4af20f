package network

import (
	"testing"

	"sigs.k8s.io/knftables"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/golden"
)

func TestRules(t *testing.T) {
	nft := knftables.NewFake(knftables.IPv4Family, Table)
	for range 2 { // the second replaces the first
		if err := nft.Run(t.Context(), rules(nft, 8080)); err != nil {
			t.Fatal(err)
		}
	}
	golden.Compare(t, "table.nft", nft.Dump())
}

func TestSettings(t *testing.T) {
	values, err := ReadSettings(append(Settings(), "net/ipv4/there_is_no_such_setting"))
	if err != nil {
		t.Fatal(err)
	}
	if _, has := values["net/ipv4/ip_forward"]; !has || len(values) > len(Settings()) {
		t.Errorf("read %v", values)
	}
	if err := WriteSettings(values); err != nil { // nothing differs, so nothing is written
		t.Error(err)
	}
	if err := WriteSettings(map[string]string{"net/ipv4/there_is_no_such_setting": "1"}); err == nil {
		t.Error("writing a setting that isn't there succeeds")
	}
}
