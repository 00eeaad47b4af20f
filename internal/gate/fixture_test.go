package gate

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/entrance"
)

const (
	host = "web-pr-7-shop.apps.example"
	name = "slipway-org-acme.shop-pr-7"
	port = int32(8100)
)

// fixture is a gate in front of the preview of pull request 7, with servers of its own.
type fixture struct {
	*Gate
	front *httptest.Server
	back  *httptest.Server // its pods

	mu      sync.Mutex
	reports []entrance.Visit
}

func newFixture(t *testing.T, pods http.HandlerFunc) *fixture {
	t.Helper()
	f := &fixture{back: httptest.NewServer(pods)}
	t.Cleanup(f.back.Close)
	g, err := New(Options{
		Table: NewTable(), Dialer: dial.Unrestricted(), Agents: Agents(), Report: f.report, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Gate = g
	f.front = httptest.NewServer(g.Handler(port))
	t.Cleanup(f.front.Close)
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); g.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-over })
	return f
}

func (f *fixture) report(_ context.Context, of string, visit entrance.Visit) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if of == name {
		f.reports = append(f.reports, visit)
	}
	return nil
}

// is makes the preview be in a state.
func (f *fixture) is(state entrance.State, change func(*entrance.Entrance)) {
	e := entrance.Entrance{Project: "shop", Stage: "pr-7", Hosts: []string{host}, Backends: map[int32]string{port: strings.TrimPrefix(f.back.URL, "http://")}, State: state}
	if state == entrance.Asleep {
		e.Sleep = "shop-pr-7-4"
	}
	if change != nil {
		change(&e)
	}
	f.Table.Set(name, e)
}

// request makes a request to the preview as curl does.
func (f *fixture) request(t *testing.T, method, path string, body io.Reader, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, f.front.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("User-Agent", "curl/8.5.0")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// do sends a request and returns the answer with its body.
func (f *fixture) do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	answer, err := f.front.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

// browser is what a browser sends when somebody opens a page.
func browser() []string {
	return []string{"User-Agent", "Mozilla/5.0", "Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
}

// until waits until a condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20s", what)
		}
	}
}

func (f *fixture) woken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []string
	for _, visit := range f.reports {
		if visit.Wakes != "" {
			all = append(all, visit.Wakes)
		}
	}
	return all
}
