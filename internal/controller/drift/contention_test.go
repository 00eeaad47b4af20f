package drift

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

func TestContentionTracker(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	memory := clocktesting.NewFakeClock(now)
	tracker := newContentionTracker(memory)
	allow := func(drift inventory.Drift, now time.Time) Verdict {
		memory.SetTime(now)
		return tracker.Allow(drift, now)
	}
	drift := inventory.Drift{Ref: inventory.Ref{Kind: "ConfigMap", Name: "a"}}
	writes := 0
	for second := range 600 { // it is changed again every second for ten minutes
		v := allow(drift, now.Add(time.Duration(second)*time.Second))
		if v.Repair {
			writes++
		}
		if second >= 2 && !v.Contended {
			t.Fatalf("second %d: no contention seen", second)
		}
		if !v.Repair && v.Wait <= 0 {
			t.Fatalf("second %d: neither repaired nor waiting", second)
		}
	}
	if writes != 20 {
		t.Errorf("%d writes in ten minutes, want 20", writes)
	}
	if v := allow(inventory.Drift{Ref: inventory.Ref{Kind: "ConfigMap", Name: "b"}}, now.Add(599*time.Second)); !v.Repair || v.Contended {
		t.Errorf("another object: %+v", v)
	}
	if v := allow(drift, now.Add(time.Hour)); !v.Repair || v.Contended {
		t.Errorf("after a quiet hour: %+v", v)
	}
	if tracker.repairs.Len() != 1 {
		t.Errorf("%d objects remembered, want 1", tracker.repairs.Len())
	}
}
