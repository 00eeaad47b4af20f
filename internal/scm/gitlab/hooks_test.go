package gitlab_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitlab"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestHooksConformance(t *testing.T) {
	scmtest.ConformHooks(t, scmtest.HookDialect{
		Create:     func(a scm.Access) (scm.Reporter, error) { return gitlab.NewReporter(a) },
		Collection: "/api/v4/projects/acme%2Fshop/hooks",
		Encode: func(h scmtest.KeptHook) any {
			shape := scmtest.Object{"id": h.ID, "url": h.URL, "alert_status": "executable"}
			for _, event := range h.Events {
				shape[event] = true
			}
			return shape
		},
		Decode: func(body map[string]any, h *scmtest.KeptHook) {
			h.URL, h.Secret, h.Events = body["url"].(string), body["token"].(string), nil
			for _, key := range slices.Sorted(maps.Keys(body)) {
				if sent, _ := body[key].(bool); sent && strings.HasSuffix(key, "_events") {
					h.Events = append(h.Events, key)
				}
			}
		},
		List: func(list []any) any { return list },
	})
}
