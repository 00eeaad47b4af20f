package gitea_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitea"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

func TestMain(m *testing.M) {
	scmtest.RegisterUpdate()
	goleak.VerifyTestMain(m)
}

// header returns the headers of a real delivery: Gitea sends GitHub's and
// Gogs's beside its own, and Forgejo one more set.
func header(event string) http.Header {
	h := http.Header{}
	for _, vendor := range []string{"Gitea", "Forgejo", "GitHub", "Gogs"} {
		h.Set("X-"+vendor+"-Event", event)
		h.Set("X-"+vendor+"-Event-Type", event)
		h.Set("X-"+vendor+"-Delivery", "3d9d6a9e-7f1a-4d0a-9a53-0f8b8f5f7c11")
	}
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
	return "push", marshal(object{
		"ref": m.Ref, "before": m.Before, "after": m.After, "commits": []any{},
		"repository": object{"full_name": scmtest.Path}, "pusher": object{"login": scmtest.Actor}, "sender": object{"login": scmtest.Actor},
	})
}

func TestConformance(t *testing.T) {
	scmtest.Conform(t, scmtest.Subject{
		Driver: gitea.New(), Header: header, Push: push,
		Signature: "X-Gitea-Signature", Sign: scmtest.SignHMAC("X-Gitea-Signature", ""),
		Others: []scm.Driver{github.New()},
	})
}

func TestGoldens(t *testing.T) {
	if n := scmtest.Goldens(t, gitea.New(), header); n < 30 {
		t.Errorf("%d payloads, want at least 30", n)
	}
}

func FuzzParse(f *testing.F) { scmtest.FuzzParse(f, gitea.New(), header) }

func FuzzVerify(f *testing.F) {
	scmtest.FuzzVerify(f, gitea.New(), scmtest.SignHMAC("X-Gitea-Signature", ""), "X-Gitea-Signature")
}
