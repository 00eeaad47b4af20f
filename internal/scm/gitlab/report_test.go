package gitlab_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitlab"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var (
	_ scm.Reporter = (*gitlab.Reporter)(nil)
	_ scm.Deployer = (*gitlab.Reporter)(nil)
	_ scm.Hooks    = (*gitlab.Reporter)(nil)
)

func TestReporterConformance(t *testing.T) {
	scmtest.ConformReporter(t, func(a scm.Access) (scm.Reporter, error) {
		r, err := gitlab.NewReporter(a)
		if err != nil {
			return nil, err
		}
		return r, nil
	})
}

func reporter(t *testing.T, api *scmtest.API) *gitlab.Reporter {
	t.Helper()
	r, err := gitlab.NewReporter(api.Access())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const repository = "/api/v4/projects/acme%2Fweb%2Fshop"

func TestSetStatus(t *testing.T) {
	status := scm.Status{Repository: "acme/web/shop", Commit: scmtest.Two, Context: "slipway/production", State: scm.StatePending, Description: "building web", URL: "https://slipway.example/r/1"}
	route := "POST " + repository + "/statuses/" + scmtest.Two
	api := scmtest.NewAPI(t).On(route, scmtest.Made(scmtest.Object{"id": 1}))
	if err := reporter(t, api).SetStatus(t.Context(), status); err != nil {
		t.Fatal(err)
	}
	call := api.Last(t, "POST")
	want := scmtest.Object{"state": "running", "name": "slipway/production", "description": "building web", "target_url": "https://slipway.example/r/1"}
	if diff := cmp.Diff(want, call.Body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := call.Header.Get("Private-Token"); got != scmtest.Token {
		t.Errorf("the credentials are %q", got)
	}
	// GitLab refuses to set what is set; that is no failure of ours.
	api.On(route, scmtest.Answer{Status: 400, Body: scmtest.Object{"message": "Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")"}})
	if err := reporter(t, api).SetStatus(t.Context(), status); err != nil {
		t.Errorf("a repeated status gave %v", err)
	}
	api.On(route, scmtest.Answer{Status: 400, Body: scmtest.Object{"message": "something else"}})
	if err := reporter(t, api).SetStatus(t.Context(), status); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a refused status gave %v", err)
	}
}

func TestSetNote(t *testing.T) {
	note := scm.Comment{Repository: "acme/web/shop", PullRequest: 7, Topic: "preview", Body: "It is at https://x"}
	const notes = repository + "/merge_requests/7/notes"
	of := func(author int, body string) any {
		return scmtest.Object{"id": 55, "body": body, "author": scmtest.Object{"id": author}}
	}
	cases := map[string]struct {
		notes []any
		want  []string
	}{
		"first":           {[]any{of(4, "hello")}, []string{"POST " + notes}},
		"edited":          {[]any{of(3, note.Mark()+" before")}, []string{"PUT " + notes + "/55"}},
		"the same":        {[]any{of(3, note.Mark())}, nil},
		"somebody else's": {[]any{of(4, note.Mark())}, []string{"POST " + notes}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t).On("GET /api/v4/user", scmtest.OK(scmtest.Object{"id": 3, "username": "slipway"})).
				On("GET "+notes, scmtest.OK(c.notes)).On("POST "+notes, scmtest.Made(of(3, "x"))).On("PUT "+notes+"/55", scmtest.OK(of(3, "x")))
			if err := reporter(t, api).SetComment(t.Context(), note); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, api.Writes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetDeployment(t *testing.T) {
	const deployments = repository + "/deployments"
	deployment := scm.Deployment{Release: "r", Repository: "acme/web/shop", Commit: scmtest.Two, Ref: "refs/tags/v1", Stage: "production", Phase: scm.PhaseRunning}
	known := func(status string) any {
		return scmtest.Object{"id": 40, "sha": scmtest.Two, "status": status}
	}
	cases := map[string]struct {
		known []any
		id    string
		phase scm.Phase
		want  string
		calls []string
	}{
		"first":                {nil, "", scm.PhaseRunning, "41", []string{"POST " + deployments}},
		"under way":            {[]any{known("created")}, "", scm.PhaseRunning, "40", []string{"PUT " + deployments + "/40"}},
		"ended before":         {[]any{known("success")}, "", scm.PhaseRunning, "41", []string{"POST " + deployments}},
		"known":                {nil, "40", scm.PhaseLive, "40", []string{"PUT " + deployments + "/40"}},
		"known and queued":     {nil, "40", scm.PhaseQueued, "40", nil},
		"ended, can't be gone": {nil, "39", scm.PhaseGone, "39", []string{"PUT " + deployments + "/39"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t).On("GET "+deployments, scmtest.OK(append([]any{}, c.known...))).
				On("POST "+deployments, scmtest.Made(scmtest.Object{"id": 41})).On("PUT "+deployments+"/40", scmtest.OK(scmtest.Object{"id": 40})).
				On("PUT "+deployments+"/39", scmtest.Answer{Status: 400, Body: scmtest.Object{"message": "Cannot transition"}})
			wanted := deployment
			wanted.ID, wanted.Phase = c.id, c.phase
			id, err := reporter(t, api).SetDeployment(t.Context(), wanted)
			if err != nil || id != c.want {
				t.Fatalf("SetDeployment = %q, %v, want %q", id, err, c.want)
			}
			if diff := cmp.Diff(c.calls, api.Writes()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if name != "first" {
				return
			}
			want := scmtest.Object{"environment": "production", "ref": "v1", "tag": true, "sha": scmtest.Two, "status": "running"}
			if diff := cmp.Diff(want, api.Last(t, "POST").Body); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHooks(t *testing.T) {
	const hooks = repository + "/hooks"
	url := "https://slipway.example/hooks/acme/shop"
	api := scmtest.NewAPI(t).
		On("GET "+hooks, scmtest.OK([]any{scmtest.Object{"id": 3, "url": url, "push_events": true, "alert_status": "executable"}})).
		On("POST "+hooks, scmtest.Made(scmtest.Object{"id": 4, "url": url})).
		On("PUT "+hooks+"/4", scmtest.OK(scmtest.Object{"id": 4})).
		On("DELETE "+hooks+"/4", scmtest.Answer{Status: 204, Body: ""}, scmtest.Answer{Status: 404, Body: scmtest.Object{}})
	r := reporter(t, api)
	listed, err := r.ListHooks(t.Context(), "acme/web/shop")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]scm.Hook{{ID: "3", URL: url, Active: true, Events: []string{"push_events"}}}, listed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	hook := scm.Hook{URL: url, Secret: "s3cret", Active: true}
	if made, err := r.CreateHook(t.Context(), "acme/web/shop", hook); err != nil || made.ID != "4" {
		t.Fatalf("CreateHook = %+v, %v", made, err)
	}
	body := api.Last(t, "POST").Body
	for field, want := range map[string]any{"token": "s3cret", "url": url, "push_events": true, "tag_push_events": true, "merge_requests_events": true, "enable_ssl_verification": true} {
		if body[field] != want {
			t.Errorf("%s is %v, want %v", field, body[field], want)
		}
	}
	hook.ID = "4"
	if err := r.UpdateHook(t.Context(), "acme/web/shop", hook); err != nil {
		t.Error(err)
	}
	for range 2 { // the second finds nothing to delete
		if err := r.DeleteHook(t.Context(), "acme/web/shop", "4"); err != nil {
			t.Error(err)
		}
	}
	hook.Secret = ""
	if _, err := r.CreateHook(t.Context(), "acme/web/shop", hook); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a hook without a secret gave %v", err)
	}
}
