package bitbucket_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/bitbucket"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reader = (*bitbucket.Reporter)(nil)

func build(key, state string) any { return scmtest.Object{"key": key, "state": state} }

func TestReaderConformanceCloud(t *testing.T) {
	side := func(repo any, branch, commit string) any {
		return scmtest.Object{"branch": scmtest.Object{"name": branch}, "commit": scmtest.Object{"hash": commit}, "repository": repo}
	}
	shop, fork := scmtest.Object{"full_name": "acme/shop"}, scmtest.Object{"full_name": "bob/shop"}
	request := func(number int, author string, draft bool, source any) any {
		return scmtest.Object{"id": number, "draft": draft, "author": scmtest.Object{"account_id": author}, "source": source, "destination": side(shop, "main", scmtest.One[:12])}
	}
	scmtest.ConformReader(t, scmtest.Reading{
		Create: at("/2.0"),
		Checks: func(api *scmtest.API) {
			const statuses = cloud + "/commit/" + scmtest.Two + "/statuses"
			api.On("GET "+statuses,
				scmtest.OK(scmtest.Object{"values": []any{build("ci/test", "SUCCESSFUL"), build("ci/lint", "FAILED")}, "next": api.Server.URL + statuses + "?page=2"}),
				scmtest.OK(scmtest.Object{"values": []any{build("ci/slow", "INPROGRESS"), build("ci/lost", "STOPPED")}}))
		},
		Requests: func(api *scmtest.API) {
			api.On("GET "+cloud+"/pullrequests", scmtest.OK(scmtest.Object{"values": []any{
				request(7, "alice", false, side(shop, "feature/cart", scmtest.Two[:12])), request(8, "bob", true, side(fork, "main", scmtest.One[:12])), request(9, "carol", false, side(nil, "gone", scmtest.Two[:12])),
			}}))
		},
		Forget: func(p *scm.PullRequest) { p.Head.Commit, p.Base.Commit, p.Labels = "", "", nil }, // short ids, no labels
		Groups: func(api *scmtest.API) {
			api.On("GET /2.0/workspaces/acme/members/alice", scmtest.OK(scmtest.Object{"type": "workspace_membership"}))
		},
		Member: "acme", Other: "other", Unknown: "none",
	})
}

func TestGroupInsideWorkspace(t *testing.T) {
	_, err := reporter(t, scmtest.NewAPI(t), "/2.0").Groups(t.Context(), "alice", []string{"acme/backend"})
	if fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a group that has no API gave %v", err)
	}
}

func TestReaderConformanceCenter(t *testing.T) {
	repo := func(project string) any {
		return scmtest.Object{"slug": "shop", "project": scmtest.Object{"key": project}}
	}
	side := func(repo any, branch, commit string) any {
		return scmtest.Object{"displayId": branch, "latestCommit": commit, "repository": repo}
	}
	request := func(number int, author string, draft bool, from any) any {
		return scmtest.Object{"id": number, "draft": draft, "author": scmtest.Object{"user": scmtest.Object{"name": author}}, "fromRef": from, "toRef": side(repo("acme"), "main", scmtest.One)}
	}
	users := func(names ...string) scmtest.Answer {
		values := []any{}
		for _, name := range names {
			values = append(values, scmtest.Object{"name": name})
		}
		return scmtest.OK(scmtest.Object{"values": values, "isLastPage": true})
	}
	scmtest.ConformReader(t, scmtest.Reading{
		Create: at("/rest"),
		Checks: func(api *scmtest.API) {
			api.On("GET /rest/build-status/latest/commits/"+scmtest.Two,
				scmtest.OK(scmtest.Object{"values": []any{build("ci/test", "SUCCESSFUL"), build("ci/lint", "FAILED")}, "nextPageStart": 2}),
				scmtest.OK(scmtest.Object{"values": []any{build("ci/slow", "INPROGRESS"), build("ci/lost", "CANCELLED")}, "isLastPage": true}))
		},
		Requests: func(api *scmtest.API) {
			api.On("GET "+center+"/pull-requests", scmtest.OK(scmtest.Object{"isLastPage": true, "values": []any{
				request(7, "alice", false, side(repo("acme"), "feature/cart", scmtest.Two)), request(8, "bob", true, side(repo("bob"), "main", scmtest.One)), request(9, "carol", false, side(nil, "gone", scmtest.Two)),
			}}))
		},
		Forget: func(p *scm.PullRequest) { p.Labels = nil },
		Groups: func(api *scmtest.API) {
			api.On("GET /rest/api/latest/users", users("alice2"), users("malice", "Alice"), scmtest.Answer{Status: 404, Body: scmtest.Object{}})
		},
		Member: "backend", Other: "leads", Unknown: "none",
	})
}
