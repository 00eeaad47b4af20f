package github_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reader = (*github.Reporter)(nil)

func TestReaderConformance(t *testing.T) {
	side := func(repo any, ref, sha string) any { return object("ref", ref, "sha", sha, "repo", repo) }
	shop, fork := object("full_name", "acme/shop"), object("full_name", "bob/shop")
	base := side(shop, "main", scmtest.One)
	scmtest.ConformReader(t, scmtest.Reading{
		Create: func(a scm.Access) (scm.Reporter, error) { return github.NewReporter(a) },
		Checks: func(api *scmtest.API) {
			const commit = "GET /repos/acme/shop/commits/" + scmtest.Two
			run := func(name, status, conclusion string) any {
				return object("name", name, "status", status, "conclusion", conclusion)
			}
			next := map[string]string{"Link": "<" + api.Server.URL + "/repos/acme/shop/commits/" + scmtest.Two + `/check-runs?page=2>; rel="next"`}
			api.On(commit+"/check-runs",
				scmtest.Answer{Status: 200, Header: next, Body: object("check_runs", []any{run("ci/test", "completed", "success"), run("both", "completed", "success")})},
				ok(object("check_runs", []any{run("ci/lint", "completed", "failure"), run("ci/slow", "in_progress", ""), run("both", "queued", "")})))
			api.On(commit+"/status", ok(object("state", "error", "statuses", []any{object("context", "ci/lost", "state", "error"), object("context", "slipway/dev", "state", "success")})))
		},
		More: map[string]scm.State{"both": scm.StatePending, "slipway/dev": scm.StateSuccess},
		Requests: func(api *scmtest.API) {
			api.On("GET /repos/acme/shop/pulls", ok([]any{
				object("number", 7, "user", object("login", "alice"), "head", side(shop, "feature/cart", scmtest.Two), "base", base, "labels", []any{object("name", "preview")}),
				object("number", 8, "draft", true, "user", object("login", "bob"), "head", side(fork, "main", scmtest.One), "base", base),
				object("number", 9, "user", object("login", "carol"), "head", side(nil, "gone", scmtest.Two), "base", base),
			}))
		},
		Groups: func(api *scmtest.API) {
			api.On("GET /orgs/acme/teams/backend/memberships/alice", ok(object("state", "active"))).
				On("GET /orgs/acme/teams/leads/memberships/alice", ok(object("state", "pending")))
		},
		Member: "acme/backend", Other: "acme/leads", Unknown: "acme/none",
	})
}

func TestWholeOrganization(t *testing.T) {
	api := scmtest.NewAPI(t).On("GET /orgs/acme/members/alice", scmtest.Answer{Status: 204, Body: ""})
	got, err := reporter(t, api).Groups(t.Context(), "alice", []string{"acme", "other"})
	if err != nil || len(got) != 1 || got[0] != "acme" {
		t.Errorf("alice is in %v, %v", got, err)
	}
}
