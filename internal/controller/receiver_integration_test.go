//go:build integration

package controller_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/servertest"
	"github.com/slipway-dev/slipway/internal/scm/forgetest"
)

// mark stands in every refused body; it must not get anywhere.
const mark = "mark-7f3a91"

func TestRefusedDeliveriesLeaveNoTrace(t *testing.T) {
	p := join(t, "refused", siteFiles(devStage, "hello"), nil)
	p.reaches("dev", p.head("main"), v1alpha1.PhaseSucceeded)
	body := `{"ref":"refs/heads/` + mark + `","repository":{"full_name":"` + p.Path + `"}}`
	cases := map[string]struct {
		body      string
		signature string
		length    int64 // when it is not the body's
		want      int
	}{
		"unsigned":         {body: body, want: http.StatusUnauthorized},
		"wrongly signed":   {body: body, signature: forgetest.Sign([]byte(body), []byte("guess")), want: http.StatusUnauthorized},
		"oversized":        {body: body, signature: forgetest.Sign([]byte(body), []byte(servertest.WebhookSecret)), length: 1 << 30, want: http.StatusRequestEntityTooLarge},
		"signed malformed": {body: mark + "{", signature: forgetest.Sign([]byte(mark+"{"), []byte(servertest.WebhookSecret)), want: http.StatusBadRequest},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, env.Hook(p.Organization, p.Name), strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("X-GitHub-Event", "push")
			request.Header.Set("X-GitHub-Delivery", "00000000-0000-4000-8000-000000000001")
			if c.signature != "" {
				request.Header.Set("X-Hub-Signature-256", c.signature)
			}
			if c.length != 0 {
				request.ContentLength = c.length
				request.Body = io.NopCloser(io.LimitReader(endless{}, c.length))
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			answer, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != c.want {
				t.Errorf("answered %d %s, want %d", response.StatusCode, answer, c.want)
			}
			if !json.Valid(answer) || len(answer) > 500 || strings.Contains(string(answer), mark) {
				t.Errorf("the answer is not a short error in JSON: %s", answer)
			}
		})
	}
	if deliveries := p.deliveries(); len(deliveries) != 0 {
		t.Errorf("refused requests became deliveries: %+v", deliveries)
	}
	server, err := env.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if log := server.Log.String(); strings.Contains(log, mark) || strings.Contains(log, servertest.WebhookSecret) {
		t.Error("the log holds something of a refused body, or the secret")
	}
}

// endless is a body of the mark without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = mark[i%len(mark)]
	}
	return len(p), nil
}
