package project

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseHours(t *testing.T) {
	for text, good := range map[string]bool{
		"20:00-07:00 Europe/Berlin": true, "00:00-23:59 UTC": true, "13:30-14:00 America/Argentina/Buenos_Aires": true, "20:00-07:00 Etc/GMT+5": true,
		"": false, "20:00-07:00": false, "24:00-07:00 UTC": false, "20:60-07:00 UTC": false, "8:00-9:00 UTC": false, "20:00-20:00 UTC": false,
		"20:00-07:00 Local": false, "20:00-07:00 Berlin": false, "20:00-07:00 ../../etc/passwd": false, "20:00-07:00 UTC ": false, "20:00 - 07:00 UTC": false,
	} {
		if _, err := ParseHours(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Clocks are set on 29 March 2026 at 02:00 and on 25 October 2026 at 03:00 in Berlin.
func TestHoursAround(t *testing.T) {
	tests := map[string]struct {
		hours, now         string
		began, ended, next string
	}{
		"at night":                         {"20:00-07:00 Europe/Berlin", "2026-01-15T23:00:00Z", "2026-01-15T19:00:00Z", "2026-01-15T06:00:00Z", "2026-01-16T06:00:00Z"},
		"by day":                           {"20:00-07:00 Europe/Berlin", "2026-01-15T12:00:00Z", "2026-01-14T19:00:00Z", "2026-01-15T06:00:00Z", "2026-01-15T19:00:00Z"},
		"when they begin":                  {"20:00-07:00 Europe/Berlin", "2026-01-15T19:00:00Z", "2026-01-15T19:00:00Z", "2026-01-15T06:00:00Z", "2026-01-16T06:00:00Z"},
		"when they end":                    {"20:00-07:00 Europe/Berlin", "2026-01-15T06:00:00Z", "2026-01-14T19:00:00Z", "2026-01-15T06:00:00Z", "2026-01-15T19:00:00Z"},
		"in the night of summer time":      {"20:00-07:00 Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-28T19:00:00Z", "2026-03-28T06:00:00Z", "2026-03-29T05:00:00Z"},
		"in the night of winter time":      {"20:00-07:00 Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-24T18:00:00Z", "2026-10-24T05:00:00Z", "2026-10-25T06:00:00Z"},
		"begin at a time that is skipped":  {"02:30-07:00 Europe/Berlin", "2026-03-29T04:00:00Z", "2026-03-29T01:00:00Z", "2026-03-28T06:00:00Z", "2026-03-29T05:00:00Z"},
		"begin at a time that comes twice": {"02:30-07:00 Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T00:30:00Z", "2026-10-24T05:00:00Z", "2026-10-25T06:00:00Z"},
		"within a day":                     {"12:00-13:00 UTC", "2026-01-15T12:30:00Z", "2026-01-15T12:00:00Z", "2026-01-14T13:00:00Z", "2026-01-15T13:00:00Z"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			hours, err := ParseHours(tt.hours)
			if err != nil {
				t.Fatal(err)
			}
			began, ended, next := hours.Around(instant(t, tt.now))
			for what, pair := range map[string][2]time.Time{"began": {began, instant(t, tt.began)}, "ended": {ended, instant(t, tt.ended)}, "next": {next, instant(t, tt.next)}} {
				if !pair[0].Equal(pair[1]) {
					t.Errorf("%s %s, want %s", what, pair[0].UTC(), pair[1])
				}
			}
		})
	}
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// Whatever the clocks do, beginnings and ends alternate and the next is near.
func TestHoursAlternate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago"}).Draw(t, "place")
		from := rapid.IntRange(0, 47).Draw(t, "from")
		until := (from + rapid.IntRange(1, 47).Draw(t, "half hours")) % 48
		hours, err := ParseHours(clockText(from) + "-" + clockText(until) + " " + place)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(rapid.Int64Range(1_750_000_000, 1_850_000_000).Draw(t, "now"), 0)
		began, ended, next := hours.Around(now)
		if began.After(now) || ended.After(now) || !next.After(now) || next.Sub(now) > 26*time.Hour || now.Sub(began) > 50*time.Hour || now.Sub(ended) > 50*time.Hour {
			t.Fatalf("at %s they began %s, ended %s and change %s", now.UTC(), began.UTC(), ended.UTC(), next.UTC())
		}
		afterBegan, afterEnded, _ := hours.Around(next)
		if !afterBegan.Equal(next) && !afterEnded.Equal(next) {
			t.Fatalf("nothing happens at %s", next.UTC())
		}
	})
}

func clockText(halves int) string {
	return time.Date(2026, 1, 1, 0, halves*30, 0, 0, time.UTC).Format("15:04")
}
