package target

import (
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/internal/release/fingerprint"
)

// Those that were used last stay, within the bound, and a bundle without a
// fingerprint is known to have none.
func TestFingerprintsAreBounded(t *testing.T) {
	large := func() *fingerprint.Fingerprint {
		return &fingerprint.Fingerprint{Commits: []fingerprint.Commit{{Reads: make([]fingerprint.Read, 100)}}}
	}
	f := newFingerprints(10 * fingerprintCost(large()))
	key := func(i int) fingerprintKey { return fingerprintKey{"org", fmt.Sprint(i)} }
	f.keep(fingerprintKey{"org", "none"}, nil)
	for i := range 100 {
		f.keep(key(i), large())
		f.keep(key(i), large())
		if _, found := f.get(fingerprintKey{"org", "none"}); !found {
			t.Fatalf("after %d others, the one in use is gone", i)
		}
	}
	if f.size > f.max || f.size < f.max/2 {
		t.Errorf("%d bytes are kept, want at most %d", f.size, f.max)
	}
	if item, found := f.get(fingerprintKey{"org", "none"}); item != nil || !found {
		t.Errorf("the bundle without one has %v", item)
	}
	if _, found := f.get(key(0)); found {
		t.Error("the oldest is still there")
	}
	if _, found := f.get(key(99)); !found {
		t.Error("the newest is gone")
	}
}
