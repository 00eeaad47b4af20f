package kube

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Whatever a message quotes, a condition can be shown, and fits.
func TestConditionCanBeShown(t *testing.T) {
	tests := map[string]struct{ message, want string }{
		"plain":  {"web is ready", "web is ready"},
		"marks":  {"\x1b[2Jweb\u202e\nis ready", "web\ufffd\nis ready"},
		"longer": {strings.Repeat("x", 2000), strings.Repeat("x", 1021) + "…"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var conditions []metav1.Condition
			SetCondition(&conditions, metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Message: tt.message}, 3)
			if got := conditions[0]; got.Message != tt.want || got.ObservedGeneration != 3 {
				t.Errorf("%q at generation %d, want %q at 3", got.Message, got.ObservedGeneration, tt.want)
			}
		})
	}
}
