package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var (
	_ scm.Reporter  = (*github.Reporter)(nil)
	_ scm.Deployer  = (*github.Reporter)(nil)
	_ scm.Annotator = (*github.Reporter)(nil)
	_ scm.Hooks     = (*github.Reporter)(nil)
)

func TestReporterConformance(t *testing.T) {
	scmtest.ConformReporter(t, func(a scm.Access) (scm.Reporter, error) {
		r, err := github.NewReporter(a)
		if err != nil {
			return nil, err
		}
		return r, nil
	})
}

func reporter(t *testing.T, api *scmtest.API) *github.Reporter {
	t.Helper()
	r, err := github.NewReporter(api.Access())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func object(pairs ...any) map[string]any {
	o := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

func made(body any) scmtest.Answer { return scmtest.Answer{Status: http.StatusCreated, Body: body} }
func ok(body any) scmtest.Answer   { return scmtest.Answer{Status: http.StatusOK, Body: body} }

func TestSetStatus(t *testing.T) {
	api := scmtest.NewAPI(t).On("POST /repos/acme/shop/statuses/"+scmtest.Two, made(object("id", 1)))
	err := reporter(t, api).SetStatus(t.Context(), scm.Status{
		Repository: "acme/shop", Commit: scmtest.Two, Context: "slipway/production", State: scm.StateFailure,
		Description: "web:\n " + strings.Repeat("größer ", 40), URL: "https://slipway.example/r/1",
	})
	if err != nil {
		t.Fatal(err)
	}
	call := api.Last(t, "POST")
	description, _ := call.Body["description"].(string)
	if n := len([]rune(description)); n > 140 || n < 120 || !strings.HasPrefix(description, "web: größer") || !strings.HasSuffix(description, "größer…") {
		t.Errorf("the description has %d runes: %q", n, description)
	}
	delete(call.Body, "description")
	want := object("state", "failure", "context", "slipway/production", "target_url", "https://slipway.example/r/1")
	if diff := cmp.Diff(want, call.Body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := call.Header.Get("Authorization"); got != "Bearer "+scmtest.Token {
		t.Errorf("the credentials are %q", got)
	}
}

// A limit that GitHub told is kept without asking again.
func TestRateLimitIsRemembered(t *testing.T) {
	reset := time.Now().Add(time.Hour)
	api := scmtest.NewAPI(t).On("*", scmtest.Answer{Status: 403, Body: object("message", "API rate limit exceeded"), Header: map[string]string{
		"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(reset.Unix()),
	}})
	r := reporter(t, api)
	for range 3 {
		err := r.SetStatus(t.Context(), scm.Status{Repository: "acme/shop", Commit: scmtest.Two, Context: "slipway/x", State: scm.StateSuccess})
		after, told := scm.RetryAfter(err)
		if fault.CodeOf(err) != fault.Unavailable || !told || after < 50*time.Minute {
			t.Fatalf("got %v, retry after %s", err, after)
		}
	}
	if n := len(api.Calls()); n != 1 {
		t.Errorf("GitHub was asked %d times, want once", n)
	}
}

func comment(id int, login, body string) map[string]any {
	return object("id", id, "body", body, "user", object("login", login))
}

func TestSetNote(t *testing.T) {
	note := scm.Comment{Repository: "acme/shop", PullRequest: 7, Topic: "preview", Body: "It is at https://x"}
	const list = "GET /repos/acme/shop/issues/7/comments"
	cases := map[string]struct {
		comments []any
		want     string // the call that writes
	}{
		"first":           {[]any{comment(1, "bob", "hello")}, "POST /repos/acme/shop/issues/7/comments"},
		"edited":          {[]any{comment(1, "bob", "hello"), comment(2, "Slipway-Bot", note.Mark()+" before")}, "PATCH /repos/acme/shop/issues/comments/2"},
		"the same":        {[]any{comment(2, "slipway-bot", note.Mark())}, ""},
		"somebody else's": {[]any{comment(2, "mallory", note.Mark())}, "POST /repos/acme/shop/issues/7/comments"},
		"quoted":          {[]any{comment(2, "slipway-bot", "> "+note.Mark())}, "POST /repos/acme/shop/issues/7/comments"},
		"another topic":   {[]any{comment(2, "slipway-bot", scm.Comment{Topic: "members"}.Mark())}, "POST /repos/acme/shop/issues/7/comments"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t).On("GET /user", ok(object("login", "slipway-bot"))).On(list, ok(c.comments)).
				On("POST /repos/acme/shop/issues/7/comments", made(comment(9, "slipway-bot", "x"))).
				On("PATCH /repos/acme/shop/issues/comments/2", ok(comment(2, "slipway-bot", "x")))
			if err := reporter(t, api).SetComment(t.Context(), note); err != nil {
				t.Fatal(err)
			}
			wrote := ""
			for _, call := range api.Calls() {
				if !strings.HasPrefix(call, "GET") {
					wrote += call
				}
			}
			if wrote != c.want {
				t.Errorf("wrote %q, want %q", wrote, c.want)
			}
		})
	}
	t.Run("on the second page", func(t *testing.T) {
		api := scmtest.NewAPI(t).On("GET /user", ok(object("login", "slipway-bot")))
		next := fmt.Sprintf("<%s/repos/acme/shop/issues/7/comments?page=2>; rel=\"next\"", api.Server.URL)
		api.On(list, scmtest.Answer{Status: 200, Header: map[string]string{"Link": next}, Body: []any{comment(1, "bob", "x")}},
			ok([]any{comment(2, "slipway-bot", note.Mark()+"old")})).
			On("PATCH /repos/acme/shop/issues/comments/2", ok(comment(2, "slipway-bot", "x")))
		if err := reporter(t, api).SetComment(t.Context(), note); err != nil {
			t.Fatal(err)
		}
		if body := api.Last(t, "PATCH").Body["body"]; body != note.Mark() {
			t.Errorf("the comment is %q", body)
		}
	})
}

func TestSetDeployment(t *testing.T) {
	deployment := scm.Deployment{
		Release: "shop-production-3", Repository: "acme/shop", Commit: scmtest.Two, Stage: "production", Protected: true,
		Phase: scm.PhaseRunning, Description: "building web", URL: "https://shop.example", LogURL: "https://slipway.example/r/3",
	}
	setup := func(known ...any) *scmtest.API {
		return scmtest.NewAPI(t).On("GET /repos/acme/shop/deployments", ok(append([]any{}, known...))).
			On("POST /repos/acme/shop/deployments", made(object("id", 41))).
			On("POST /repos/acme/shop/deployments/41/statuses", made(object("id", 1))).
			On("POST /repos/acme/shop/deployments/40/statuses", made(object("id", 1)))
	}
	of := func(release string) any { return object("id", 40, "payload", object("release", release)) }
	cases := map[string]struct {
		known []any
		id    string
		want  string
		calls int
	}{
		"first":               {nil, "", "41", 3},
		"made before a crash": {[]any{of("shop-production-3")}, "", "40", 2},
		"of another release":  {[]any{of("shop-production-2")}, "", "41", 3},
		"of another program":  {[]any{object("id", 40, "payload", "text")}, "", "41", 3},
		"known":               {nil, "40", "40", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			api := setup(c.known...)
			wanted := deployment
			wanted.ID = c.id
			id, err := reporter(t, api).SetDeployment(t.Context(), wanted)
			if err != nil || id != c.want {
				t.Fatalf("SetDeployment = %q, %v, want %q", id, err, c.want)
			}
			if calls := api.Calls(); len(calls) != c.calls {
				t.Errorf("%d calls, want %d: %v", len(calls), c.calls, calls)
			}
			want := object("state", "in_progress", "description", "building web", "environment", "production", "environment_url", "https://shop.example",
				"log_url", "https://slipway.example/r/3", "auto_inactive", true)
			if diff := cmp.Diff(want, api.Last(t, "POST").Body); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnnotate(t *testing.T) {
	findings := scm.Findings{
		Repository: "acme/shop", Commit: scmtest.Two, Name: "slipway/file", State: scm.StateFailure, Title: "slipway.yaml has errors", Summary: "See the lines.",
	}
	for i := range 130 {
		findings.Found = append(findings.Found, scm.Finding{Path: "slipway.yaml", Line: i + 1, Column: i % 2, Message: fmt.Sprint("problem ", i), Warning: i == 0})
	}
	api := scmtest.NewAPI(t).On("POST /repos/acme/shop/check-runs", made(object("id", 5))).On("PATCH /repos/acme/shop/check-runs/5", ok(object("id", 5)))
	if err := reporter(t, api).Annotate(t.Context(), findings); err != nil {
		t.Fatal(err)
	}
	want := []string{"POST /repos/acme/shop/check-runs", "PATCH /repos/acme/shop/check-runs/5", "PATCH /repos/acme/shop/check-runs/5"}
	if diff := cmp.Diff(want, api.Calls()); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	first := api.Last(t, "POST").Body
	output := first["output"].(map[string]any)
	annotations := output["annotations"].([]any)
	if len(annotations) != 50 || first["conclusion"] != "failure" || first["head_sha"] != scmtest.Two || first["completed_at"] == nil {
		t.Errorf("the run is %v", first)
	}
	wantFirst := object("path", "slipway.yaml", "start_line", 1.0, "end_line", 1.0, "annotation_level", "warning", "message", "problem 0")
	if diff := cmp.Diff(wantFirst, annotations[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	last := api.Last(t, "PATCH").Body["output"].(map[string]any)["annotations"].([]any)
	if len(last) != 30 {
		t.Errorf("the last call has %d annotations, want 30", len(last))
	}
}

func TestHooks(t *testing.T) {
	api := scmtest.NewAPI(t).
		On("GET /repos/acme/shop/hooks", ok([]any{object("id", 3, "active", true, "events", []string{"push"}, "config", object("url", "https://slipway.example/hooks/acme/shop", "secret", "********"))})).
		On("POST /repos/acme/shop/hooks", made(object("id", 4, "active", true, "config", object("url", "https://slipway.example/hooks/acme/shop")))).
		On("PATCH /repos/acme/shop/hooks/4", ok(object("id", 4))).
		On("DELETE /repos/acme/shop/hooks/4", scmtest.Answer{Status: 204, Body: ""}, scmtest.Answer{Status: 404, Body: object()})
	r := reporter(t, api)
	hooks, err := r.ListHooks(t.Context(), "acme/shop")
	if err != nil {
		t.Fatal(err)
	}
	want := []scm.Hook{{ID: "3", URL: "https://slipway.example/hooks/acme/shop", Active: true, Events: []string{"push"}}}
	if diff := cmp.Diff(want, hooks); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	hook := scm.Hook{URL: "https://slipway.example/hooks/acme/shop", Secret: "s3cret", Active: true}
	made, err := r.CreateHook(t.Context(), "acme/shop", hook)
	if err != nil || made.ID != "4" {
		t.Fatalf("CreateHook = %+v, %v", made, err)
	}
	config := api.Last(t, "POST").Body["config"]
	if diff := cmp.Diff(any(object("url", hook.URL, "secret", "s3cret", "content_type", "json", "insecure_ssl", "0")), config); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	hook.ID = "4"
	if err := r.UpdateHook(t.Context(), "acme/shop", hook); err != nil {
		t.Error(err)
	}
	for range 2 { // the second finds nothing to delete
		if err := r.DeleteHook(t.Context(), "acme/shop", "4"); err != nil {
			t.Error(err)
		}
	}
	hook.Secret = ""
	if _, err := r.CreateHook(t.Context(), "acme/shop", hook); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a hook without a secret gave %v", err)
	}
}

// A GitHub App gets its installation's token, and again when it has run out.
func TestApp(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	token := func(expires time.Time) scmtest.Answer {
		return made(object("token", "INSTALLATION-"+scmtest.Token, "expires_at", expires.Format(time.RFC3339)))
	}
	api := scmtest.NewAPI(t).
		On("POST /app/installations/77/access_tokens", token(time.Now().Add(time.Minute)), token(time.Now().Add(time.Hour))).
		On("GET /app", ok(object("slug", "slipway"))).
		On("GET /repos/acme/shop/issues/7/comments", ok([]any{})).
		On("POST /repos/acme/shop/issues/7/comments", made(object("id", 1))).
		On("POST /repos/acme/shop/statuses/"+scmtest.Two, made(object("id", 1)))
	access := api.Access()
	access.Token, access.App = "", &scm.App{ID: 9, Installation: 77, PrivateKey: private}
	r, err := github.NewReporter(access)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetStatus(t.Context(), scm.Status{Repository: "acme/shop", Commit: scmtest.Two, Context: "slipway/x", State: scm.StateSuccess}); err != nil {
		t.Fatal(err)
	}
	if got := api.Last(t, "POST").Header.Get("Authorization"); got != "token INSTALLATION-"+scmtest.Token {
		t.Errorf("the credentials are %q", got)
	}
	if err := r.SetComment(t.Context(), scm.Comment{Repository: "acme/shop", PullRequest: 7, Topic: "preview", Body: "x"}); err != nil {
		t.Fatal(err)
	}
	access.App.PrivateKey = []byte(scmtest.Token)
	if _, err := github.NewReporter(access); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), scmtest.Token) {
		t.Errorf("a broken key gave %v", err)
	}
	api.On("POST /app/installations/77/access_tokens", scmtest.Answer{Status: 401, Body: object()})
	access.App.PrivateKey = private
	if r, err = github.NewReporter(access); err != nil {
		t.Fatal(err)
	}
	err = r.SetStatus(t.Context(), scm.Status{Repository: "acme/shop", Commit: scmtest.Two, Context: "slipway/x", State: scm.StateSuccess})
	if fault.CodeOf(err) != fault.Denied {
		t.Errorf("a refused App gave %v", err)
	}
}
