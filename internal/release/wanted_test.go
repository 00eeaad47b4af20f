package release

import (
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/project"
)

func TestLifetime(t *testing.T) {
	if got := ttlOf(project.Stage{Branch: "feature/*", TTL: "1h30m"}); got == nil || got.Duration != 90*time.Minute {
		t.Errorf("got %v, want 90 minutes", got)
	}
	for _, rule := range []project.Stage{{Branch: "feature/*"}, {Branch: "main", TTL: "1h"}} {
		if got := ttlOf(rule); got != nil {
			t.Errorf("%+v: got %v, want none", rule, got)
		}
	}
}
