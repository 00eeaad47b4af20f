package gitea_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitea"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var (
	_ scm.Reporter = (*gitea.Reporter)(nil)
	_ scm.Hooks    = (*gitea.Reporter)(nil)
)

func TestReporterConformance(t *testing.T) {
	scmtest.ConformReporter(t, func(a scm.Access) (scm.Reporter, error) {
		r, err := gitea.NewReporter(a)
		if err != nil {
			return nil, err
		}
		return r, nil
	})
}

func reporter(t *testing.T, api *scmtest.API) *gitea.Reporter {
	t.Helper()
	r, err := gitea.NewReporter(api.Access())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const repository = "/api/v1/repos/acme/shop"

func TestSetStatus(t *testing.T) {
	for _, suffix := range []string{"", "/", "/api/v1", "/api/v1/"} {
		api := scmtest.NewAPI(t).On("POST "+repository+"/statuses/"+scmtest.Two, scmtest.Made(scmtest.Object{"id": 1}))
		access := api.Access()
		access.API += suffix
		r, err := gitea.NewReporter(access)
		if err != nil {
			t.Fatal(err)
		}
		err = r.SetStatus(t.Context(), scm.Status{
			Repository: "acme/shop", Commit: scmtest.Two, Context: "slipway/production", State: scm.StateSuccess, Description: "live", URL: "https://slipway.example/r/1",
		})
		if err != nil {
			t.Fatal(err)
		}
		call := api.Last(t, "POST")
		want := scmtest.Object{"state": "success", "context": "slipway/production", "description": "live", "target_url": "https://slipway.example/r/1"}
		if diff := cmp.Diff(want, call.Body); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := call.Header.Get("Authorization"); got != "token "+scmtest.Token {
			t.Errorf("the credentials are %q", got)
		}
	}
}

func TestSetNote(t *testing.T) {
	note := scm.Comment{Repository: "acme/shop", PullRequest: 7, Topic: "preview", Body: "It is at https://x"}
	const comments, own = repository + "/issues/7/comments", repository + "/issues/comments/55"
	of := func(author int, body string) any {
		return scmtest.Object{"id": 55, "body": body, "user": scmtest.Object{"id": author}}
	}
	cases := map[string]struct {
		comments []any
		want     []string
	}{
		"first":           {[]any{of(4, "hello")}, []string{"POST " + comments}},
		"edited":          {[]any{of(3, note.Mark()+" before")}, []string{"PATCH " + own}},
		"the same":        {[]any{of(3, note.Mark())}, nil},
		"somebody else's": {[]any{of(4, note.Mark())}, []string{"POST " + comments}},
		"of a ghost":      {[]any{scmtest.Object{"id": 55, "body": note.Mark(), "user": nil}}, []string{"POST " + comments}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t).On("GET /api/v1/user", scmtest.OK(scmtest.Object{"id": 3, "login": "slipway"})).
				On("GET "+comments, scmtest.OK(c.comments)).On("POST "+comments, scmtest.Made(of(3, "x"))).On("PATCH "+own, scmtest.OK(of(3, "x")))
			if err := reporter(t, api).SetComment(t.Context(), note); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, api.Writes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHooks(t *testing.T) {
	const hooks = repository + "/hooks"
	url := "https://slipway.example/hooks/acme/shop"
	api := scmtest.NewAPI(t).
		On("GET "+hooks, scmtest.OK([]any{scmtest.Object{"id": 3, "active": true, "events": []string{"push"}, "config": scmtest.Object{"url": url}}})).
		On("POST "+hooks, scmtest.Made(scmtest.Object{"id": 4, "config": scmtest.Object{"url": url}})).
		On("PATCH "+hooks+"/4", scmtest.OK(scmtest.Object{"id": 4})).
		On("DELETE "+hooks+"/4", scmtest.Answer{Status: 204, Body: ""}, scmtest.Answer{Status: 404, Body: scmtest.Object{}})
	r := reporter(t, api)
	listed, err := r.ListHooks(t.Context(), "acme/shop")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]scm.Hook{{ID: "3", URL: url, Active: true, Events: []string{"push"}}}, listed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	hook := scm.Hook{URL: url, Secret: "s3cret", Active: true}
	if made, err := r.CreateHook(t.Context(), "acme/shop", hook); err != nil || made.ID != "4" {
		t.Fatalf("CreateHook = %+v, %v", made, err)
	}
	want := any(scmtest.Object{"url": url, "secret": "s3cret", "content_type": "json", "http_method": "post"})
	if diff := cmp.Diff(want, api.Last(t, "POST").Body["config"]); diff != "" {
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
