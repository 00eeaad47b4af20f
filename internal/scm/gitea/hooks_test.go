package gitea_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitea"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestHooksConformance(t *testing.T) {
	scmtest.ConformHooks(t, scmtest.HookDialect{
		Create:     func(a scm.Access) (scm.Reporter, error) { return gitea.NewReporter(a) },
		Collection: "/api/v1/repos/acme/shop/hooks",
		Encode: func(h scmtest.KeptHook) any {
			return scmtest.Object{"id": h.ID, "type": "gitea", "active": h.Active, "events": h.Events, "config": scmtest.Object{"url": h.URL, "content_type": "json"}}
		},
		Decode: func(body map[string]any, h *scmtest.KeptHook) {
			config := body["config"].(map[string]any)
			h.URL, h.Secret, h.Active, h.Events = config["url"].(string), config["secret"].(string), body["active"].(bool), scmtest.Strings(body["events"])
		},
		List: func(list []any) any { return list },
	})
}
