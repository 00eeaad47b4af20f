package entrance_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/entrance"
)

// A share lets in to its subject until it expires, and nothing else does.
func TestWall(t *testing.T) {
	now := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	key, other := entrance.NewKey([]byte("a secret")), entrance.NewKey([]byte("another"))
	wall := entrance.NewWall(key, "uid-7")
	good := entrance.Share(key, "uid-7", now.Add(time.Hour))
	until, signature, _ := strings.Cut(good, ".")
	tests := map[string]struct {
		share string
		ok    bool
	}{
		"its share":          {good, true},
		"expired":            {entrance.Share(key, "uid-7", now), false},
		"of another preview": {entrance.Share(key, "uid-8", now.Add(time.Hour)), false},
		"by another key":     {entrance.Share(other, "uid-7", now.Add(time.Hour)), false},
		"a longer time":      {until + "0." + signature, false},
		"none":               {"", false},
		"half":               {until + ".", false},
		"no time":            {"." + signature, false},
		"something":          {"x.y", false},
		"padded":             {good + "=", false},
	}
	for name, tt := range tests {
		if until, ok := wall.Admits(tt.share, now); ok != tt.ok || ok && !until.Equal(now.Add(time.Hour)) {
			t.Errorf("%s: %v until %s", name, ok, until)
		}
	}
	if _, ok := (&entrance.Wall{Subject: "uid-7"}).Admits(good, now); ok {
		t.Error("a wall without a key lets somebody in")
	}
}

func TestSharesAreNotGuessed(t *testing.T) {
	wall := entrance.NewWall(entrance.NewKey([]byte("a secret")), "uid-7")
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9]{1,12}\.[A-Za-z0-9_-]{86}`)).Draw(t, "share")
		if _, ok := wall.Admits(share, time.Unix(0, 0)); ok {
			t.Fatalf("%q lets somebody in", share)
		}
	})
}
