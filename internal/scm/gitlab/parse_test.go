package gitlab_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitlab"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestMain(m *testing.M) {
	scmtest.RegisterUpdate()
	goleak.VerifyTestMain(m)
}

func header(event string) http.Header {
	h := http.Header{}
	h.Set("X-Gitlab-Event", strings.ReplaceAll(event, "_", " "))
	h.Set("X-Gitlab-Event-UUID", "13792a34-cac6-4fda-95a8-c58e00a3954e")
	h.Set("X-Gitlab-Webhook-UUID", "a5d6a9e3-7f1a-4d0a-9a53-0f8b8f5f7c11")
	h.Set("X-Gitlab-Instance", "https://gitlab.example")
	h.Set("Idempotency-Key", "f5e57ade-9b3a-4e0b-8a0e-6f8d6b3f0a01")
	h.Set("Content-Type", "application/json")
	return h
}

func marshal(v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only strings and booleans
	}
	return body
}

type object = map[string]any

func push(m scm.Move) (string, []byte) {
	event := "Push Hook"
	if strings.HasPrefix(m.Ref, "refs/tags/") {
		event = "Tag Push Hook"
	}
	return event, marshal(object{
		"ref": m.Ref, "before": m.Before, "after": m.After, "commits": []any{},
		"project": object{"path_with_namespace": scmtest.Path}, "user_username": scmtest.Actor, "user_name": "Somebody Else",
	})
}

func sign(h http.Header, _, secret []byte) { h.Set("X-Gitlab-Token", string(secret)) }

func TestConformance(t *testing.T) {
	scmtest.Conform(t, scmtest.Subject{
		Driver: gitlab.New(), Header: header, Push: push, Signature: "X-Gitlab-Token", Sign: sign, Token: true,
	})
}

func TestGoldens(t *testing.T) {
	if n := scmtest.Goldens(t, gitlab.New(), header); n < 30 {
		t.Errorf("%d payloads, want at least 30", n)
	}
}

func FuzzParse(f *testing.F) { scmtest.FuzzParse(f, gitlab.New(), header) }

func FuzzVerify(f *testing.F) {
	scmtest.FuzzVerify(f, gitlab.New(), sign, "X-Gitlab-Token")
}

// Older GitLabs send no key per delivery, and events that a hook causes carry
// their cause's id: they must stay apart, and attempts at one together.
func TestDeliveryID(t *testing.T) {
	id := func(ref string) string {
		event, body := push(scm.Move{Ref: ref, Before: scmtest.One, After: scmtest.Two})
		h := header(event)
		h.Del("Idempotency-Key")
		e, err := gitlab.New().Parse(h, body)
		if err != nil {
			t.Fatal(err)
		}
		return e.Delivery
	}
	if id("refs/heads/a") == id("refs/heads/b") {
		t.Error("two events have one id")
	}
	if again := id("refs/heads/a"); again != id("refs/heads/a") {
		t.Error("two attempts have two ids")
	}
	if !strings.HasPrefix(id("refs/heads/a"), "13792a34-cac6-4fda-95a8-c58e00a3954e-") {
		t.Errorf("the id %q isn't made from the event's", id("refs/heads/a"))
	}
}
