package syntax

import (
	"strings"
	"testing"
)

func TestSuggestions(t *testing.T) {
	known := []string{"image", "port", "ports", "stages", "env"}
	tests := map[string]string{"imgae": "image", "Port": "port", "prots": "ports", "stage": "stages", "emv": "env", "volumes": "", "x": "", "": "", strings.Repeat("a", 1000): ""}
	for name, want := range tests {
		if got := Nearest(name, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
