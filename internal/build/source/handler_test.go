package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
)

func TestHandlerRefuses(t *testing.T) {
	var opened atomic.Int64
	open := func(_ context.Context, claims Claims) (Tar, error) {
		opened.Add(1)
		switch claims.Path {
		case "gone":
			return nil, fault.New(fault.NotFound, "commit is gone")
		case "later":
			return nil, fault.New(fault.Unavailable, "try later")
		case "bug":
			return nil, errors.New("detail that must not leave")
		case "wrong":
			return func(io.Writer) error { return fault.New(fault.Invalid, "link leads outside") }, nil
		}
		return tarOf(file("a", "b")), nil
	}
	c := newClock()
	signer := newTestSigner(t, c, testKey(1))
	handler := NewHandler(signer, open, Limits{})
	token := func(path string) string {
		claims := sampleClaims(c)
		claims.Path = path
		return "Bearer " + sign(t, signer, claims)
	}
	tests := map[string]struct {
		method, authorization string
		status                int
		opens                 int64
		says                  string
	}{
		"no token":      {http.MethodGet, "", 401, 0, "not valid"},
		"other scheme":  {http.MethodGet, "Basic " + token("x"), 401, 0, "not valid"},
		"forged":        {http.MethodGet, token("x") + "x", 401, 0, "not valid"},
		"other method":  {http.MethodPost, token("x"), 405, 0, "GET"},
		"gone":          {http.MethodGet, token("gone"), 404, 1, "commit is gone"},
		"later":         {http.MethodGet, token("later"), 503, 1, "try later"},
		"bug":           {http.MethodGet, token("bug"), 500, 1, "internal error"},
		"wrong context": {http.MethodGet, token("wrong"), 422, 1, "link leads outside"},
		"right":         {http.MethodGet, token("x"), 200, 1, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opened.Store(0)
			request := httptest.NewRequest(test.method, "/source", nil)
			request.Header.Set("Authorization", test.authorization)
			response := httptest.NewRecorder()
			handler.ServeHTTP(response, request)
			if response.Code != test.status || opened.Load() != test.opens {
				t.Errorf("status %d after %d opens, want %d after %d", response.Code, opened.Load(), test.status, test.opens)
			}
			if body := response.Body.String(); !strings.Contains(body, test.says) || strings.Contains(body, "must not leave") {
				t.Errorf("body %q, want %q", body, test.says)
			}
		})
	}
}

func TestHandlerBoundsTheStream(t *testing.T) {
	url, token := server(t, always(tarOf(file("a", strings.Repeat("x", 1<<20)))), Limits{Bytes: 64 << 10})
	err := fetchFast(t, url, token, t.TempDir(), Limits{})
	if err == nil {
		t.Error("a context beyond the server's limit was taken for whole")
	}
}

func TestHandlerBoundsConcurrency(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	url, token := server(t, always(func(w io.Writer) error {
		close(entered)
		<-leave
		return tarOf(file("a", "b"))(w)
	}), Limits{Streams: 1})
	first := make(chan error, 1)
	dir := t.TempDir()
	go func() { first <- Fetch(t.Context(), url, token, dir, Limits{}) }()
	<-entered
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("second stream got %d, want 503 with Retry-After", response.StatusCode)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
}
