//go:build e2e

package e2e

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/e2e/stand"
)

// TestRefusedDeliveries sends what nobody signed: nothing comes of it, and
// nothing of it is in the log.
func TestRefusedDeliveries(t *testing.T) {
	tm := newTeam(t, "refused")
	body := `{"canary": "f00dcafe"}`
	tests := map[string]struct {
		body      string
		signature string
		status    int
	}{
		"unsigned":      {body, "", http.StatusUnauthorized},
		"wrongly":       {body, "sha256=" + strings.Repeat("ab", 32), http.StatusUnauthorized},
		"malformed":     {"{", tm.sign("{"), http.StatusBadRequest},
		"oversized":     {strings.Repeat("f00dcafe", 4<<20), "", http.StatusRequestEntityTooLarge},
		"no repository": {body, tm.sign(body), http.StatusBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			status, answer := tm.deliver(t, tt.body, tt.signature)
			if status != tt.status || !strings.Contains(answer, `"error"`) || len(answer) > 400 {
				t.Errorf("got %d %.400s, want %d and a short error", status, answer, tt.status)
			}
		})
	}
	if out, err := tm.Kubectl(t.Context(), "-n", tm.namespace(), "get", "deliveries", "-o", `jsonpath={.items[?(@.spec.project=="refused")].metadata.name}`); err != nil || out != "" {
		t.Errorf("deliveries were kept: %q %v", out, err)
	}
	log, err := tm.Kubectl(t.Context(), "-n", stand.Namespace, "logs", "deploy/slipway", "--since=5m")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log, "f00dcafe") {
		t.Error("the log holds a part of a refused body")
	}
}

// sign signs a body as GitHub does.
func (tm *team) sign(body string) string {
	mac := hmac.New(sha256.New, []byte(tm.secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// deliver posts a body to the project's hook.
func (tm *team) deliver(t *testing.T, body, signature string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, tm.hook, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "push")
	request.Header.Set("X-GitHub-Delivery", rand.Text())
	if signature != "" {
		request.Header.Set("X-Hub-Signature-256", signature)
	}
	response, err := stand.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}
