package github_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestHooksConformance(t *testing.T) {
	scmtest.ConformHooks(t, scmtest.HookDialect{
		Create:     func(a scm.Access) (scm.Reporter, error) { return github.NewReporter(a) },
		Collection: "/repos/acme/shop/hooks",
		Encode: func(h scmtest.KeptHook) any {
			return object("id", h.ID, "active", h.Active, "events", h.Events, "config", object("url", h.URL, "secret", "********"))
		},
		Decode: func(body map[string]any, h *scmtest.KeptHook) {
			config := body["config"].(map[string]any)
			h.URL, h.Secret, h.Active, h.Events = config["url"].(string), config["secret"].(string), body["active"].(bool), scmtest.Strings(body["events"])
		},
		List: func(list []any) any { return list },
	})
}

// The same against the forge that checks what GitHub checks: its deliveries
// carry the secret that was set last.
func TestHooksAtForge(t *testing.T) {
	forge, _, reporter := newForge(t)
	const address = "https://slipway.example/hooks/acme/shop"
	for i, want := range []string{"created", "kept", "kept"} {
		changes, err := scm.SyncHook(t.Context(), reporter, "acme/shop", scm.Hook{URL: address, Secret: "secret"})
		if err != nil || len(changes) != 1 || changes[0].Did != want {
			t.Fatalf("try %d: %+v, %v, want %s", i, changes, err, want)
		}
	}
	hooks, err := reporter.ListHooks(t.Context(), "acme/shop")
	if err != nil || len(hooks) != 1 || hooks[0].URL != address || !hooks[0].Active {
		t.Errorf("the forge has %+v, %v", hooks, err)
	}
	_ = forge
}
