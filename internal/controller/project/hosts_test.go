package project

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

func TestHostSlots(t *testing.T) {
	var slots hostSlots
	hanging := hostOf(v1alpha1.Repository{URL: "https://git.example:8443/acme/shop.git"})
	for range 2 {
		if !slots.enter(hanging, 2) {
			t.Fatal("a free slot is refused")
		}
	}
	if slots.enter(hanging, 2) {
		t.Error("three of two slots are taken")
	}
	if !slots.enter(hostOf(v1alpha1.Repository{URL: "ssh://git@git.example/acme/shop.git"}), 2) {
		t.Error("another server has no slots left")
	}
	slots.leave(hanging)
	if !slots.enter(hanging, 2) {
		t.Error("a slot that was given back stays taken")
	}
}
