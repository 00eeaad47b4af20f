package project

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func TestHostSlots(t *testing.T) {
	slots := newHostSlots(2)
	hanging := hostOf(v1alpha1.Repository{URL: "https://git.example:8443/acme/shop.git"})
	for range 2 {
		if !slots.enter(hanging) {
			t.Fatal("a free slot is refused")
		}
	}
	if slots.enter(hanging) {
		t.Error("three of two slots are taken")
	}
	if !slots.enter(hostOf(v1alpha1.Repository{URL: "ssh://git@git.example/acme/shop.git"})) {
		t.Error("another server has no slots left")
	}
	slots.leave(hanging)
	if !slots.enter(hanging) {
		t.Error("a slot that was given back stays taken")
	}
}
