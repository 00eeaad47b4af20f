package gitea_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitea"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reviewer = (*gitea.Reporter)(nil)

func fields(pairs ...any) scmtest.Object {
	made := scmtest.Object{}
	for i := 0; i+1 < len(pairs); i += 2 {
		made[pairs[i].(string)] = pairs[i+1]
	}
	return made
}

// TestMerged reads who approved what became a commit: of exactly the head that was
// merged, and as it stands now.
func TestMerged(t *testing.T) {
	const head, commit, blob = scmtest.One, scmtest.Two, "0123456789012345678901234567890123456789"
	user := func(login string, id int) any { return fields("login", login, "id", id) }
	review := func(login string, id int, state, of string) any {
		return fields("user", user(login, id), "state", strings.NewReplacer("DISMISSED", "APPROVED", "CHANGES_REQUESTED", "REQUEST_CHANGES", "COMMENTED", "COMMENT").Replace(state), "dismissed", state == "DISMISSED", "commit_id", of)
	}
	request := func(change ...any) any {
		made := scmtest.Object{
			"number": 7, "user": user("dev", 1), "merged": true, "merged_at": "2026-01-02T03:04:05Z", "merge_commit_sha": commit,
			"head": fields("sha", head, "ref", "cart"), "base": fields("ref", "main", "sha", scmtest.One, "repo", fields("full_name", "Acme/shop")),
		}
		for i := 0; i+1 < len(change); i += 2 {
			made[change[i].(string)] = change[i+1]
		}
		return made
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	alice := []scm.Approval{{Login: "alice", ID: "2"}}
	for name, tt := range map[string]struct {
		requests []any
		reviews  []any
		noFile   bool
		want     *scm.Merged
	}{
		"approved":                 {requests: []any{request()}, reviews: []any{review("alice", 2, "APPROVED", head)}, want: &scm.Merged{At: at, Head: head, File: blob, Approvals: alice}},
		"by several":               {requests: []any{request()}, reviews: []any{review("alice", 2, "APPROVED", head), review("bob", 3, "APPROVED", head)}, want: &scm.Merged{At: at, Head: head, File: blob, Approvals: []scm.Approval{{Login: "alice", ID: "2"}, {Login: "bob", ID: "3"}}}},
		"an earlier head":          {requests: []any{request()}, reviews: []any{review("alice", 2, "APPROVED", commit)}, want: &scm.Merged{At: at, Head: head, File: blob}},
		"dismissed":                {requests: []any{request()}, reviews: []any{review("alice", 2, "DISMISSED", head)}, want: &scm.Merged{At: at, Head: head, File: blob}},
		"taken back":               {requests: []any{request()}, reviews: []any{review("alice", 2, "APPROVED", head), review("alice", 2, "CHANGES_REQUESTED", head)}, want: &scm.Merged{At: at, Head: head, File: blob}},
		"given after all":          {requests: []any{request()}, reviews: []any{review("alice", 2, "CHANGES_REQUESTED", head), review("alice", 2, "APPROVED", head)}, want: &scm.Merged{At: at, Head: head, File: blob, Approvals: alice}},
		"and commented":            {requests: []any{request()}, reviews: []any{review("alice", 2, "APPROVED", head), review("alice", 2, "COMMENTED", head)}, want: &scm.Merged{At: at, Head: head, File: blob, Approvals: alice}},
		"a comment only":           {requests: []any{request()}, reviews: []any{review("alice", 2, "COMMENTED", head)}, want: &scm.Merged{At: at, Head: head, File: blob}},
		"by its author":            {requests: []any{request()}, reviews: []any{review("dev", 1, "APPROVED", head)}, want: &scm.Merged{At: at, Head: head, File: blob}},
		"by nobody":                {requests: []any{request()}, reviews: []any{fields("state", "APPROVED", "commit_id", head)}, want: &scm.Merged{At: at, Head: head, File: blob}},
		"without the file":         {requests: []any{request()}, reviews: []any{review("alice", 2, "APPROVED", head)}, noFile: true, want: &scm.Merged{At: at, Head: head, Approvals: alice}},
		"into another branch":      {requests: []any{request("base", fields("ref", "release", "repo", fields("full_name", "acme/shop")))}},
		"into another repository":  {requests: []any{request("base", fields("ref", "main", "repo", fields("full_name", "mallory/shop")))}},
		"not merged":               {requests: []any{request("merged", false, "merged_at", nil)}},
		"merged as another commit": {requests: []any{request("merge_commit_sha", head)}},
		"none":                     {requests: []any{}},
	} {
		t.Run(name, func(t *testing.T) {
			first := scmtest.Answer{Status: 404, Body: fields("message", "not found")}
			if len(tt.requests) > 0 {
				first = scmtest.OK(tt.requests[0])
			}
			api := scmtest.NewAPI(t).On("GET /api/v1/repos/acme/shop/commits/"+commit+"/pull", first).On("GET /api/v1/repos/acme/shop/pulls/7/reviews", scmtest.OK(tt.reviews))
			contents := scmtest.OK(fields("type", "file", "name", "slipway.yaml", "path", "slipway.yaml", "sha", blob))
			if tt.noFile {
				contents = scmtest.Answer{Status: 404, Body: fields("message", "Not Found")}
			}
			api.On("GET /api/v1/repos/acme/shop/contents/slipway.yaml", contents)
			got, err := reporter(t, api).Merged(t.Context(), "acme/shop", "main", commit, "slipway.yaml")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the forge fails", func(t *testing.T) {
		api := scmtest.NewAPI(t).On("GET /api/v1/repos/acme/shop/commits/"+commit+"/pull", scmtest.Answer{Status: 500, Body: fields("message", "oops")})
		if got, err := reporter(t, api).Merged(t.Context(), "acme/shop", "main", commit, "slipway.yaml"); fault.CodeOf(err) != fault.Unavailable || got != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
