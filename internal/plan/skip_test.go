package plan_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/plan"
)

func TestSkipped(t *testing.T) {
	cases := map[string]bool{
		"Fix a typo [skip slipway]":        true,
		"Fix a typo\n\n[Slipway Skip]\n":   true,
		"[SKIP SLIPWAY]":                   true,
		"":                                 false,
		"Fix a typo [skip ci]":             false,
		"skip slipway":                     false,
		"[skip  slipway]":                  false,
		"Explain what [skip slipway does]": false,
	}
	for message, want := range cases {
		if got := plan.Skipped(message); got != want {
			t.Errorf("Skipped(%q) = %t, want %t", message, got, want)
		}
	}
}
