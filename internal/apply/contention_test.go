package apply

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

func TestFights(t *testing.T) {
	f, now := NewContentionTracker(), time.Unix(1_000_000, 0)
	drift := inventory.Drift{Ref: inventory.Ref{Kind: "ConfigMap", Name: "a"}}
	writes := 0
	for second := range 600 { // it is changed again every second for ten minutes
		v := f.Allow(drift, now.Add(time.Duration(second)*time.Second))
		if v.Repair {
			writes++
		}
		if second >= 2 && !v.Fight {
			t.Fatalf("second %d: no fight seen", second)
		}
		if !v.Repair && v.Wait <= 0 {
			t.Fatalf("second %d: neither repaired nor waiting", second)
		}
	}
	if writes != 20 {
		t.Errorf("%d writes in ten minutes, want 20", writes)
	}
	if v := f.Allow(inventory.Drift{Ref: inventory.Ref{Kind: "ConfigMap", Name: "b"}}, now); !v.Repair || v.Fight {
		t.Errorf("another object: %+v", v)
	}
	if v := f.Allow(drift, now.Add(time.Hour)); !v.Repair || v.Fight {
		t.Errorf("after a quiet hour: %+v", v)
	}
	if len(f.repairs) != 1 {
		t.Errorf("%d objects remembered, want 1", len(f.repairs))
	}
}
