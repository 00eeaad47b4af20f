package bitbucket_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/bitbucket"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestMain(m *testing.M) {
	scmtest.RegisterUpdate()
	goleak.VerifyTestMain(m)
}

func header(event string) http.Header {
	h := http.Header{}
	h.Set("X-Event-Key", strings.ReplaceAll(event, "=", ":"))
	h.Set("X-Hook-UUID", "c94fc6f5-4d4a-4c0a-9a53-0f8b8f5f7c11")
	h.Set("X-Request-UUID", "5f4b2f4e-8a0e-4f3e-8a66-8c2d4f6d0a01")
	h.Set("X-Attempt-Number", "1")
	h.Set("Content-Type", "application/json")
	return h
}

// centerHeader returns the headers that the Data Center sends.
func centerHeader(event string) http.Header {
	h := http.Header{}
	h.Set("X-Event-Key", event)
	h.Set("X-Request-Id", "a1b2c3d4-0d0a-4f3e-8a66-8c2d4f6d3333")
	h.Set("Content-Type", "application/json; charset=utf-8")
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

func cloudPush(m scm.Move) (string, []byte) {
	kind, name := "branch", strings.TrimPrefix(m.Ref, "refs/heads/")
	if strings.HasPrefix(m.Ref, "refs/tags/") {
		kind, name = "tag", strings.TrimPrefix(m.Ref, "refs/tags/")
	}
	side := func(commit string) any {
		if strings.Trim(commit, "0") == "" {
			return nil
		}
		return object{"type": kind, "name": name, "target": object{"hash": commit}}
	}
	return "repo:push", marshal(object{
		"actor": object{"account_id": scmtest.Actor, "nickname": "owner"}, "repository": object{"full_name": scmtest.Path},
		"push": object{"changes": []any{object{"old": side(m.Before), "new": side(m.After), "forced": m.Forced}}},
	})
}

func centerPush(m scm.Move) (string, []byte) {
	return "repo:refs_changed", marshal(object{
		"actor": object{"name": scmtest.Actor}, "repository": object{"slug": "shop", "project": object{"key": "acme"}},
		"changes": []any{object{"refId": m.Ref, "fromHash": m.Before, "toHash": m.After}},
	})
}

func TestConformance(t *testing.T) {
	subject := scmtest.Subject{
		Driver: bitbucket.New(), Signature: "X-Hub-Signature", Sign: scmtest.SignHMAC("X-Hub-Signature", "sha256="),
	}
	subject.Header, subject.Push = header, cloudPush
	t.Run("cloud", func(t *testing.T) { scmtest.Conform(t, subject) })
	subject.Header, subject.Push = centerHeader, centerPush
	t.Run("data center", func(t *testing.T) { scmtest.Conform(t, subject) })
}

func TestGoldens(t *testing.T) {
	if n := scmtest.Goldens(t, bitbucket.New(), header); n < 30 {
		t.Errorf("%d payloads, want at least 30", n)
	}
}

func FuzzParse(f *testing.F) { scmtest.FuzzParse(f, bitbucket.New(), header) }

func FuzzVerify(f *testing.F) {
	scmtest.FuzzVerify(f, bitbucket.New(), scmtest.SignHMAC("X-Hub-Signature", "sha256="), "X-Hub-Signature")
}

// One push may move several refs; each is an event with an id of its own.
func TestSeveral(t *testing.T) {
	changes := []any{}
	for i := range 200 {
		changes = append(changes, object{"refId": "refs/heads/b" + strings.Repeat("x", i), "fromHash": scmtest.One, "toHash": scmtest.Two})
	}
	body := marshal(object{
		"actor": object{"name": scmtest.Actor}, "repository": object{"slug": "shop", "project": object{"key": "acme"}}, "changes": changes,
	})
	e, err := bitbucket.New().Parse(centerHeader("repo:refs_changed"), body)
	if err != nil {
		t.Fatal(err)
	}
	each := e.Each()
	if len(each) != scm.MaxMoves {
		t.Errorf("there are %d events, want %d", len(each), scm.MaxMoves)
	}
	ids := map[string]bool{}
	for _, event := range each {
		if event.Repository != scmtest.Path || event.Actor != scmtest.Actor || event.Kind != scm.KindPush || len(event.Also) > 0 {
			t.Errorf("one is %+v", event)
		}
		ids[event.Delivery+" "+event.Ref] = true
	}
	if len(ids) != len(each) {
		t.Errorf("%d events have %d ids", len(each), len(ids))
	}
}
