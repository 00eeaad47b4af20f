package scmtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// ConformReporter checks what every Reporter promises about errors, redirects
// and secrets. New makes one, and the repository is one of its forge.
func ConformReporter(t *testing.T, create func(scm.Access) (scm.Reporter, error)) {
	status := scm.Status{
		Repository: Path, Commit: Two, Context: scm.Context("production"), State: scm.StateFailure,
		Description: "web doesn't start: the image can't be pulled", URL: "https://slipway.example/r/1",
	}
	calls := map[string]func(context.Context, scm.Reporter) error{
		"status": func(ctx context.Context, r scm.Reporter) error { return r.SetStatus(ctx, status) },
		"comment": func(ctx context.Context, r scm.Reporter) error {
			return r.SetComment(ctx, scm.Comment{Repository: Path, PullRequest: 7, Topic: "preview", Body: "It is at …"})
		},
		"checks": func(ctx context.Context, r scm.Reporter) error {
			_, err := r.(scm.Reader).Checks(ctx, Path, Two)
			return err
		},
		"pull requests": func(ctx context.Context, r scm.Reporter) error {
			_, err := r.(scm.Reader).PullRequests(ctx, Path)
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) { refusals(t, create, call) })
		t.Run(name+" unreached", func(t *testing.T) { unreached(t, create, call) })
	}
	t.Run("redirect", func(t *testing.T) { redirect(t, create, calls["status"]) })
	t.Run("redirect of a reader", func(t *testing.T) { redirect(t, create, calls["checks"]) })
	t.Run("paced", func(t *testing.T) { paced(t, create, calls["checks"], calls["status"]) })
	t.Run("wrong input", func(t *testing.T) { wrongInput(t, create, status) })
	t.Run("access", func(t *testing.T) { access(t, create) })
}

func refusals(t *testing.T, create func(scm.Access) (scm.Reporter, error), call func(context.Context, scm.Reporter) error) {
	now := time.Now().Truncate(time.Second).UTC()
	reset := fmt.Sprint(now.Add(90 * time.Second).Unix())
	cases := map[string]struct {
		answer Answer
		code   fault.Code
		after  time.Duration
	}{
		"401":             {Answer{Status: 401}, fault.Denied, 0},
		"403":             {Answer{Status: 403}, fault.Denied, 0},
		"404":             {Answer{Status: 404}, fault.NotFound, 0},
		"422":             {Answer{Status: 422}, fault.Invalid, 0},
		"429":             {Answer{Status: 429}, fault.Unavailable, time.Minute},
		"429 seconds":     {Answer{Status: 429, Header: map[string]string{"Retry-After": "17"}}, fault.Unavailable, 17 * time.Second},
		"429 date":        {Answer{Status: 429, Header: map[string]string{"Retry-After": now.Add(30 * time.Second).Format(http.TimeFormat)}}, fault.Unavailable, 30 * time.Second},
		"429 for ever":    {Answer{Status: 429, Header: map[string]string{"Retry-After": "99999999"}}, fault.Unavailable, time.Hour},
		"403 retry":       {Answer{Status: 403, Header: map[string]string{"Retry-After": "5"}}, fault.Unavailable, 5 * time.Second},
		"403 no more":     {Answer{Status: 403, Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}}, fault.Unavailable, 90 * time.Second},
		"500":             {Answer{Status: 500}, fault.Unavailable, 0},
		"502 with a page": {Answer{Status: 502, Body: "<html>" + strings.Repeat("x", 10_000)}, fault.Unavailable, 0},
		"503 retry":       {Answer{Status: 503, Header: map[string]string{"Retry-After": "3"}}, fault.Unavailable, 3 * time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.answer.Body == nil {
				c.answer.Body = map[string]any{"message": "you said " + Token, "error": "x"}
			}
			api := NewAPI(t).On("*", c.answer)
			access := api.Access()
			access.Now = func() time.Time { return now }
			r, err := create(access)
			if err != nil {
				t.Fatal(err)
			}
			err = call(t.Context(), r)
			coded(t, err, c.code)
			if after, _ := scm.RetryAfter(err); after != c.after {
				t.Errorf("retry after %s, want %s: %v", after, c.after, err)
			}
			if n := len(api.Calls()); n != 1 {
				t.Errorf("%d calls were made, want one: retries are the caller's\n%s", n, strings.Join(api.Calls(), "\n"))
			}
		})
	}
}

// paced checks that a forge that limits the rate of one call is spared all of
// them until the time it named, and then asked again.
func paced(t *testing.T, create func(scm.Access) (scm.Reporter, error), limited, other func(context.Context, scm.Reporter) error) {
	api := NewAPI(t).On("*", Answer{Status: 429, Header: map[string]string{"Retry-After": "17"}, Body: Object{}}, Answer{Status: 404, Body: Object{}})
	now := time.Now()
	access := api.Access()
	access.Now = func() time.Time { return now }
	r, err := create(access)
	if err != nil {
		t.Fatal(err)
	}
	coded(t, limited(t.Context(), r), fault.Unavailable)
	now = now.Add(5 * time.Second)
	err = other(t.Context(), r)
	coded(t, err, fault.Unavailable)
	if after, _ := scm.RetryAfter(err); after != 12*time.Second || len(api.Calls()) != 1 {
		t.Errorf("5 s later it says to wait %s after %d calls; want 12 s and one call", after, len(api.Calls()))
	}
	now = now.Add(13 * time.Second)
	coded(t, other(t.Context(), r), fault.NotFound)
}

// unreached checks calls that get no answer.
func unreached(t *testing.T, create func(scm.Access) (scm.Reporter, error), call func(context.Context, scm.Reporter) error) {
	api := NewAPI(t)
	r, err := create(api.Access())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := call(ctx, r); !errors.Is(err, context.Canceled) {
		t.Errorf("given up, it gave %v, want that the context was cancelled", err)
	}
	api.Server.Close()
	coded(t, call(t.Context(), r), fault.Unavailable)
}

func coded(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code {
		t.Fatalf("got %v of code %q, want code %q", err, fault.CodeOf(err), code)
	}
	for _, text := range []string{err.Error(), fault.MessageOf(err), fmt.Sprintf("%+v %#v", err, err)} {
		if strings.Contains(text, Token) {
			t.Errorf("the error holds the token: %s", text)
		}
	}
	if len(err.Error()) > 1000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

// redirect checks that credentials never follow a redirect to another host.
func redirect(t *testing.T, create func(scm.Access) (scm.Reporter, error), call func(context.Context, scm.Reporter) error) {
	stolen := false
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen = true }))
	defer thief.Close()
	for _, status := range []int{301, 302, 307, 308} {
		api := NewAPI(t).On("*", Answer{Status: status, Header: map[string]string{"Location": thief.URL + "/x"}})
		r, err := create(api.Access())
		if err != nil {
			t.Fatal(err)
		}
		coded(t, call(t.Context(), r), fault.Denied)
	}
	if stolen {
		t.Error("a redirect to another host was followed")
	}
}

func wrongInput(t *testing.T, create func(scm.Access) (scm.Reporter, error), right scm.Status) {
	cases := map[string]func(*scm.Status){
		"repository climbs": func(s *scm.Status) { s.Repository = "acme/../../user" },
		"repository alone":  func(s *scm.Status) { s.Repository = "shop" },
		"repository empty":  func(s *scm.Status) { s.Repository = "" },
		"commit a branch":   func(s *scm.Status) { s.Commit = "main" },
		"commit climbs":     func(s *scm.Status) { s.Commit = "../../../../user" },
		"commit zero":       func(s *scm.Status) { s.Commit = Zero },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			api := NewAPI(t)
			r, err := create(api.Access())
			if err != nil {
				t.Fatal(err)
			}
			status := right
			change(&status)
			coded(t, r.SetStatus(t.Context(), status), fault.Invalid)
			if calls := api.Calls(); len(calls) != 0 {
				t.Errorf("it was asked all the same: %v", calls)
			}
		})
	}
}

func access(t *testing.T, create func(scm.Access) (scm.Reporter, error)) {
	for name, url := range map[string]string{
		"http":       "http://forge.example/",
		"file":       "file:///etc/passwd",
		"no host":    "https:///api",
		"user":       "https://user:" + Token + "@forge.example/",
		"query":      "https://forge.example/?token=" + Token,
		"no URL":     "://",
		"no scheme":  "forge.example",
		"javascript": "javascript:alert(1)",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := create(scm.Access{API: url, Token: Token})
			coded(t, err, fault.Invalid)
		})
	}
	t.Run("prints nothing", func(t *testing.T) {
		a := scm.Access{API: "https://forge.example", Token: Token, App: &scm.App{PrivateKey: []byte(Token)}}
		text, err := a.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, shown := range []string{fmt.Sprint(a), fmt.Sprintf("%+v", a), fmt.Sprintf("%#v", a), a.LogValue().String(), string(text), fmt.Sprintf("%+v", *a.App)} {
			if strings.Contains(shown, Token) {
				t.Errorf("an access prints its token: %s", shown)
			}
		}
	})
}
