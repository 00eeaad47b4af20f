package gitea_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitea"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reader = (*gitea.Reporter)(nil)

func TestReaderConformance(t *testing.T) {
	const repository = "GET /api/v1/repos/acme/shop"
	scmtest.ConformReader(t, scmtest.Reading{
		Create: func(a scm.Access) (scm.Reporter, error) { return gitea.NewReporter(a) },
		Checks: func(api *scmtest.API) {
			status := func(id int, name, state string) any {
				return scmtest.Object{"id": id, "context": name, "status": state}
			}
			api.On(repository+"/commits/"+scmtest.Two+"/statuses", scmtest.OK([]any{
				status(2, "ci/lint", "failure"), status(1, "ci/test", "failure"), status(5, "ci/test", "success"), status(3, "ci/slow", "pending"), status(4, "ci/lost", "warning"),
			}))
		},
		Requests: func(api *scmtest.API) {
			side := func(repo any, ref, sha string) any { return scmtest.Object{"repo": repo, "ref": ref, "sha": sha} }
			shop, fork := scmtest.Object{"full_name": "acme/shop"}, scmtest.Object{"full_name": "bob/shop"}
			request := func(number int, author string, head any, more scmtest.Object) any {
				p := scmtest.Object{"number": number, "user": scmtest.Object{"login": author}, "head": head, "base": side(shop, "main", scmtest.One)}
				for key, value := range more {
					p[key] = value
				}
				return p
			}
			api.On(repository+"/pulls", scmtest.OK([]any{
				request(7, "alice", side(shop, "feature/cart", scmtest.Two), scmtest.Object{"labels": []any{scmtest.Object{"name": "preview"}}}),
				request(8, "bob", side(fork, "main", scmtest.One), scmtest.Object{"draft": true}),
				request(9, "carol", side(nil, "refs/pull/9/head", scmtest.Two), nil),
			}))
		},
		Forget: func(p *scm.PullRequest) {
			if p.Number == 9 {
				p.Head.Ref = ""
			}
		},
		Groups: func(api *scmtest.API) {
			api.On("GET /api/v1/orgs/acme/teams/search", scmtest.OK(scmtest.Object{"ok": true, "data": []any{
				scmtest.Object{"id": 3, "name": "backend-old"}, scmtest.Object{"id": 4, "name": "Backend"}, scmtest.Object{"id": 5, "name": "leads"},
			}}))
			api.On("GET /api/v1/teams/4/members/alice", scmtest.OK(scmtest.Object{"login": "alice"}))
		},
		Member: "acme/backend", Other: "acme/leads", Unknown: "acme/none",
	})
}

func TestWholeOrganization(t *testing.T) {
	api := scmtest.NewAPI(t).On("GET /api/v1/orgs/acme/members/alice", scmtest.Answer{Status: 204, Body: ""})
	got, err := reporter(t, api).Groups(t.Context(), "alice", []string{"acme", "other"})
	if err != nil || len(got) != 1 || got[0] != "acme" {
		t.Errorf("alice is in %v, %v", got, err)
	}
}
