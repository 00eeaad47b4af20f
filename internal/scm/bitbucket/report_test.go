package bitbucket_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/bitbucket"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var (
	_ scm.Reporter = (*bitbucket.Reporter)(nil)
	_ scm.Hooks    = (*bitbucket.Reporter)(nil)
)

// at returns a constructor for one of the two: the Cloud's API ends in /2.0.
func at(suffix string) func(scm.Access) (scm.Reporter, error) {
	return func(a scm.Access) (scm.Reporter, error) {
		if strings.HasPrefix(a.API, "http://127.0.0.1") {
			a.API += suffix
		}
		r, err := bitbucket.NewReporter(a)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
}

func TestReporterConformance(t *testing.T) {
	for name, suffix := range flavours() {
		t.Run(name, func(t *testing.T) { scmtest.ConformReporter(t, at(suffix)) })
	}
}

func flavours() map[string]string { return map[string]string{"cloud": "/2.0", "data center": "/rest"} }

func reporter(t *testing.T, api *scmtest.API, suffix string) *bitbucket.Reporter {
	t.Helper()
	access := api.Access()
	access.API += suffix
	r, err := bitbucket.NewReporter(access)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// paths of the two APIs, of the same repository.
const (
	cloud  = "/2.0/repositories/acme/shop"
	center = "/rest/api/latest/projects/acme/repos/shop"
)

func TestSetStatus(t *testing.T) {
	long := "slipway/" + strings.Repeat("x", 60)
	cases := map[string]struct {
		suffix, route string
		status        scm.Status
		want          scmtest.Object
	}{
		"cloud": {"/2.0", cloud + "/commit/" + scmtest.Two + "/statuses/build",
			scm.Status{Context: "slipway/production", State: scm.StatePending, Description: "building", URL: "https://slipway.example"},
			scmtest.Object{"key": "slipway/production", "name": "slipway/production", "state": "INPROGRESS", "description": "building", "url": "https://slipway.example"}},
		"cloud, no link": {"/2.0", cloud + "/commit/" + scmtest.Two + "/statuses/build",
			scm.Status{Context: "slipway/dev", State: scm.StateSuccess, Description: "live"},
			scmtest.Object{"key": "slipway/dev", "name": "slipway/dev", "state": "SUCCESSFUL", "description": "live", "url": "https://bitbucket.org/acme/shop/commits/" + scmtest.Two}},
		"cloud, long": {"/2.0", cloud + "/commit/" + scmtest.Two + "/statuses/build",
			scm.Status{Context: long, State: scm.StateError, Description: "lost", URL: "https://x"},
			scmtest.Object{"name": long, "state": "FAILED", "description": "lost", "url": "https://x"}},
		"data center": {"/rest", center + "/commits/" + scmtest.Two + "/builds",
			scm.Status{Context: "slipway/dev", State: scm.StateFailure, Description: "web crashes", URL: "https://slipway.example"},
			scmtest.Object{"key": "slipway/dev", "name": "slipway/dev", "state": "FAILED", "description": "web crashes", "url": "https://slipway.example"}},
		"data center, plain": {"", center + "/commits/" + scmtest.Two + "/builds",
			scm.Status{Context: "slipway/dev", State: scm.StateFailure, Description: "web crashes", URL: "https://slipway.example"},
			scmtest.Object{"key": "slipway/dev", "name": "slipway/dev", "state": "FAILED", "description": "web crashes", "url": "https://slipway.example"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t).On("POST "+c.route, scmtest.Made(scmtest.Object{}))
			c.status.Repository, c.status.Commit = "acme/shop", scmtest.Two
			if err := reporter(t, api, c.suffix).SetStatus(t.Context(), c.status); err != nil {
				t.Fatal(err)
			}
			call := api.Last(t, "POST")
			if key, _ := call.Body["key"].(string); name == "cloud, long" && (len(key) > 40 || !scm.Own(key)) {
				t.Errorf("the key is %q", key)
			} else if name == "cloud, long" {
				c.want["key"] = key
			}
			if diff := cmp.Diff(c.want, call.Body); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := call.Header.Get("Authorization"); got != "Bearer "+scmtest.Token {
				t.Errorf("the credentials are %q", got)
			}
		})
	}
}

func TestSetNoteCloud(t *testing.T) {
	note := scm.Comment{Repository: "acme/shop", PullRequest: 7, Topic: "preview", Body: "It is at https://x"}
	const comments = cloud + "/pullrequests/7/comments"
	of := func(uuid, text string, deleted bool) any {
		return scmtest.Object{"id": 55, "deleted": deleted, "user": scmtest.Object{"uuid": uuid}, "content": scmtest.Object{"raw": text}}
	}
	cases := map[string]struct {
		comments []any
		want     []string
	}{
		"first":           {[]any{of("{bob}", "hello", false)}, []string{"POST " + comments}},
		"edited":          {[]any{of("{me}", note.Mark()+" before", false)}, []string{"PUT " + comments + "/55"}},
		"the same":        {[]any{of("{me}", note.Mark(), false)}, nil},
		"deleted":         {[]any{of("{me}", note.Mark(), true)}, []string{"POST " + comments}},
		"somebody else's": {[]any{of("{bob}", note.Mark(), false)}, []string{"POST " + comments}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t).On("GET /2.0/user", scmtest.OK(scmtest.Object{"uuid": "{me}"}))
			next := api.Server.URL + comments + "?pagelen=100&page=2"
			api.On("GET "+comments, scmtest.OK(scmtest.Object{"values": []any{}, "next": next}), scmtest.OK(scmtest.Object{"values": c.comments})).
				On("POST "+comments, scmtest.Made(scmtest.Object{})).On("PUT "+comments+"/55", scmtest.OK(scmtest.Object{}))
			if err := reporter(t, api, "/2.0").SetComment(t.Context(), note); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, api.Writes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A link to the next page that leads elsewhere is not followed: credentials
// would go along.
func TestNextPageElsewhere(t *testing.T) {
	for _, next := range []string{"http://thief.example/2.0/x", "//thief.example/2.0/x", "/other", "https://127.0.0.1/2.0/x", "../../x"} {
		api := scmtest.NewAPI(t).On("GET "+cloud+"/hooks", scmtest.OK(scmtest.Object{"values": []any{}, "next": next}))
		_, err := reporter(t, api, "/2.0").ListHooks(t.Context(), "acme/shop")
		if fault.CodeOf(err) != fault.Invalid || len(api.Calls()) != 1 {
			t.Errorf("%s gave %v and %d calls", next, err, len(api.Calls()))
		}
	}
}

func TestSetNoteCenter(t *testing.T) {
	note := scm.Comment{Repository: "acme/shop", PullRequest: 7, Topic: "preview", Body: "It is at https://x"}
	const request = center + "/pull-requests/7"
	of := func(author, text string) any {
		return scmtest.Object{"action": "COMMENTED", "comment": scmtest.Object{"id": 55, "version": 3, "text": text, "author": scmtest.Object{"name": author}}}
	}
	cases := map[string]struct {
		activities []any
		want       []string
	}{
		"first":           {[]any{scmtest.Object{"action": "OPENED"}}, []string{"POST " + request + "/comments"}},
		"edited":          {[]any{of("slipway", note.Mark()+" before")}, []string{"PUT " + request + "/comments/55"}},
		"the same":        {[]any{of("slipway", note.Mark())}, nil},
		"somebody else's": {[]any{of("bob", note.Mark())}, []string{"POST " + request + "/comments"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			me := map[string]string{"X-AUSERNAME": "slipway"}
			api := scmtest.NewAPI(t).On("GET "+request+"/activities",
				scmtest.Answer{Status: 200, Header: me, Body: scmtest.Object{"values": []any{}, "isLastPage": false, "nextPageStart": 100}},
				scmtest.Answer{Status: 200, Header: me, Body: scmtest.Object{"values": c.activities, "isLastPage": true}}).
				On("POST "+request+"/comments", scmtest.Made(scmtest.Object{})).On("PUT "+request+"/comments/55", scmtest.OK(scmtest.Object{}))
			if err := reporter(t, api, "/rest").SetComment(t.Context(), note); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, api.Writes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if name == "edited" && api.Last(t, "PUT").Body["version"] != 3.0 {
				t.Errorf("the edit names version %v", api.Last(t, "PUT").Body["version"])
			}
		})
	}
	t.Run("anonymous", func(t *testing.T) {
		api := scmtest.NewAPI(t).On("GET "+request+"/activities", scmtest.OK(scmtest.Object{"values": []any{}, "isLastPage": true}))
		if err := reporter(t, api, "/rest").SetComment(t.Context(), note); fault.CodeOf(err) != fault.Denied {
			t.Errorf("got %v", err)
		}
	})
}

func TestHooks(t *testing.T) {
	url := "https://slipway.example/hooks/acme/shop"
	cases := map[string]struct {
		suffix, hooks string
		id            any
		want          string
	}{
		"cloud":       {"/2.0", cloud + "/hooks", "{5d1a}", "{5d1a}"},
		"data center": {"/rest", center + "/webhooks", 4, "4"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			key := map[string]string{"cloud": "uuid", "data center": "id"}[name]
			one := c.hooks + "/" + map[string]string{"cloud": "%7B5d1a%7D", "data center": "4"}[name]
			hookOf := scmtest.Object{key: c.id, "url": url, "active": true, "events": []string{"repo:push"}}
			api := scmtest.NewAPI(t).
				On("GET "+c.hooks, scmtest.OK(scmtest.Object{"values": []any{hookOf}, "isLastPage": true})).
				On("POST "+c.hooks, scmtest.Made(hookOf)).On("PUT "+one, scmtest.OK(hookOf)).
				On("DELETE "+one, scmtest.Answer{Status: 204, Body: ""}, scmtest.Answer{Status: 404, Body: scmtest.Object{}})
			r := reporter(t, api, c.suffix)
			listed, err := r.ListHooks(t.Context(), "acme/shop")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]scm.Hook{{ID: c.want, URL: url, Active: true, Events: []string{"repo:push"}}}, listed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			hook := scm.Hook{URL: url, Secret: "s3cret", Active: true}
			if made, err := r.CreateHook(t.Context(), "acme/shop", hook); err != nil || made.ID != c.want {
				t.Fatalf("CreateHook = %+v, %v", made, err)
			}
			if raw := api.Last(t, "POST").Raw; !strings.Contains(raw, `"secret":"s3cret"`) || !strings.Contains(raw, url) {
				t.Errorf("the hook is %s", raw)
			}
			hook.ID = c.want
			if err := r.UpdateHook(t.Context(), "acme/shop", hook); err != nil {
				t.Error(err)
			}
			for range 2 { // the second finds nothing to delete
				if err := r.DeleteHook(t.Context(), "acme/shop", c.want); err != nil {
					t.Error(err)
				}
			}
			for _, id := range []string{"", "..", "../../x", "a/b"} {
				if err := r.DeleteHook(t.Context(), "acme/shop", id); fault.CodeOf(err) != fault.Invalid {
					t.Errorf("deleting %q gave %v", id, err)
				}
			}
			hook.Secret = ""
			if err := r.UpdateHook(t.Context(), "acme/shop", hook); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("a hook without a secret gave %v", err)
			}
		})
	}
}
