package fastpath

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
)

// Heads that were read before a waiting delivery came may lack what it
// reports; they are never taken.
func TestPrefetchedHeadsAreNewerThanDeliveries(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(after time.Duration) v1alpha1.Delivery {
		return v1alpha1.Delivery{Spec: v1alpha1.DeliverySpec{Received: metav1.MicroTime{Time: start.Add(after)}}}
	}
	tests := map[string]struct {
		delivered []time.Duration // after the start; the first reads
		waiting   []v1alpha1.Delivery
		err       error
		want      bool
	}{
		"read after it":          {[]time.Duration{0}, []v1alpha1.Delivery{at(-time.Millisecond)}, nil, true},
		"read before another":    {[]time.Duration{0}, []v1alpha1.Delivery{at(-time.Millisecond), at(time.Millisecond)}, nil, false},
		"nobody waits":           {[]time.Duration{0}, nil, nil, false},
		"could not be read":      {[]time.Duration{0}, []v1alpha1.Delivery{at(-time.Millisecond)}, errors.New("the forge is away"), false},
		"nothing was read early": {nil, []v1alpha1.Delivery{at(0)}, nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			now := start
			e := &RefPrefetcher{Now: func() time.Time { return now }}
			for _, after := range tt.delivered {
				now = start.Add(after)
				reading := e.begin(types.NamespacedName{Namespace: "o", Name: "a"})
				reading.heads, reading.err = git.Heads{Default: "refs/heads/main"}, tt.err
				close(reading.done)
			}
			heads, got := e.take(t.Context(), types.NamespacedName{Namespace: "o", Name: "a"}, tt.waiting)
			if got != tt.want || got && heads.Default == "" {
				t.Errorf("taken: %t, want %t", got, tt.want)
			}
			if _, again := e.take(t.Context(), types.NamespacedName{Namespace: "o", Name: "a"}, tt.waiting); again {
				t.Error("the same heads were taken twice")
			}
		})
	}
}

// In a flood, deliveries read nothing early.
func TestPrefetchingBeginsAfterQuiet(t *testing.T) {
	var now time.Time
	e := &RefPrefetcher{Now: func() time.Time { return now }}
	begun := 0
	for range 100 {
		now = now.Add(quietTime / 2)
		if e.afterQuiet(types.NamespacedName{Namespace: "o", Name: "a"}) {
			begun++
		}
	}
	now = now.Add(quietTime)
	if !e.afterQuiet(types.NamespacedName{Namespace: "o", Name: "a"}) || begun > 1 {
		t.Errorf("%d of a flood were read early, want the first at most, and one after it", begun)
	}
}
