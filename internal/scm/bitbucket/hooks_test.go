package bitbucket_test

import (
	"fmt"
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/bitbucket"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestHooksConformance(t *testing.T) {
	create := func(a scm.Access) (scm.Reporter, error) { return bitbucket.NewReporter(a) }
	t.Run("cloud", func(t *testing.T) {
		scmtest.ConformHooks(t, scmtest.HookDialect{
			Create: create, Base: "/2.0", Collection: cloud + "/hooks",
			Encode: func(h scmtest.KeptHook) any {
				return scmtest.Object{"uuid": fmt.Sprintf("{%d}", h.ID), "url": h.URL, "active": h.Active, "events": h.Events, "secret_set": true}
			},
			Decode: func(body map[string]any, h *scmtest.KeptHook) {
				h.URL, h.Secret, h.Active, h.Events = body["url"].(string), body["secret"].(string), body["active"].(bool), scmtest.Strings(body["events"])
			},
			List: func(list []any) any { return scmtest.Object{"values": list} },
		})
	})
	t.Run("data center", func(t *testing.T) {
		scmtest.ConformHooks(t, scmtest.HookDialect{
			Create: create, Base: "/rest", Collection: center + "/webhooks",
			Encode: func(h scmtest.KeptHook) any {
				return scmtest.Object{"id": h.ID, "url": h.URL, "active": h.Active, "events": h.Events, "configuration": scmtest.Object{}}
			},
			Decode: func(body map[string]any, h *scmtest.KeptHook) {
				secret := body["configuration"].(map[string]any)["secret"].(string)
				h.URL, h.Secret, h.Active, h.Events = body["url"].(string), secret, body["active"].(bool), scmtest.Strings(body["events"])
			},
			List: func(list []any) any { return scmtest.Object{"values": list, "isLastPage": true} },
		})
	})
}
