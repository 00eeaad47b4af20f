package webhook

import (
	"fmt"
	"testing"
	"time"
)

// The table is bounded, and a sender that keeps sending isn't forgotten, so it
// gains nothing from others that fill the table.
func TestAllowancesBounded(t *testing.T) {
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	a := newAllowances(Allowance{PerSecond: 0.001, Burst: 5}, 100)
	taken := 0
	for i := range 10_000 {
		if i%10 == 0 && a.take("busy", now) {
			taken++
		}
		a.take(fmt.Sprint(i), now)
		if n := a.buckets.Len(); n > 100 {
			t.Fatalf("%d buckets are kept, want at most 100", n)
		}
	}
	if taken != 5 {
		t.Errorf("the busy one had %d, want 5", taken)
	}
}

func TestSender(t *testing.T) {
	cases := map[string]string{
		"192.0.2.1":            "192.0.2.1",
		"::ffff:192.0.2.1":     "192.0.2.1",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
		"":                     "unknown",
		"evil":                 "unknown",
	}
	for address, want := range cases {
		if got := sender(address); got != want {
			t.Errorf("sender(%q) = %q, want %q", address, got, want)
		}
	}
}
