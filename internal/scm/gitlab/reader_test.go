package gitlab_test

import (
	"testing"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitlab"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reader = (*gitlab.Reporter)(nil)

func TestReaderConformance(t *testing.T) {
	const project = "GET /api/v4/projects/acme%2Fshop"
	scmtest.ConformReader(t, scmtest.Reading{
		Create: func(a scm.Access) (scm.Reporter, error) { return gitlab.NewReporter(a) },
		Checks: func(api *scmtest.API) {
			status := func(name, state string, allowed bool) any {
				return scmtest.Object{"name": name, "status": state, "allow_failure": allowed}
			}
			api.On(project+"/repository/commits/"+scmtest.Two+"/statuses",
				scmtest.Answer{Status: 200, Header: map[string]string{"X-Next-Page": "2"}, Body: []any{status("ci/test", "success", false), status("ci/lint", "failed", false)}},
				scmtest.OK([]any{status("ci/slow", "running", false), status("ci/lost", "canceled", false), status("flaky", "failed", true)}))
			api.On(project+"/pipelines", scmtest.OK([]any{
				scmtest.Object{"id": 3, "source": "external", "status": "running"}, scmtest.Object{"id": 2, "source": "push", "status": "failed"}, scmtest.Object{"id": 1, "source": "push", "status": "success"},
			}))
		},
		More: map[string]scm.State{"flaky": scm.StateSuccess, "pipeline": scm.StateFailure},
		Requests: func(api *scmtest.API) {
			request := func(number, source int, author, branch, sha string, draft bool, labels ...string) any {
				return scmtest.Object{
					"iid": number, "source_project_id": source, "target_project_id": 1, "source_branch": branch, "target_branch": "main",
					"sha": sha, "draft": draft, "author": scmtest.Object{"username": author}, "labels": append([]string{}, labels...),
				}
			}
			api.On(project+"/merge_requests", scmtest.OK([]any{
				request(7, 1, "alice", "feature/cart", scmtest.Two, false, "preview"), request(8, 2, "bob", "main", scmtest.One, true), request(9, 3, "carol", "gone", scmtest.Two, false),
			}))
			api.On("GET /api/v4/projects/2", scmtest.OK(scmtest.Object{"id": 2, "path_with_namespace": "bob/shop"}))
		},
		Forget: func(p *scm.PullRequest) { p.Base.Commit = "" },
		Groups: func(api *scmtest.API) {
			member := func(state string, level int) scmtest.Answer {
				return scmtest.OK(scmtest.Object{"id": 5, "username": "alice", "state": state, "access_level": level})
			}
			api.On("GET /api/v4/users", scmtest.OK([]any{scmtest.Object{"id": 5, "username": "alice"}}), scmtest.OK([]any{})).
				On("GET /api/v4/groups/acme%2Fbackend/members/all/5", member("active", 30)).
				On("GET /api/v4/groups/acme%2Fleads/members/all/5", member("awaiting", 40))
		},
		Member: "acme/backend", Other: "acme/leads", Unknown: "acme/none",
	})
}
