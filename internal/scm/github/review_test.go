package github_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reviewer = (*github.Reporter)(nil)

// TestMerged reads who approved what became a commit: of exactly the head that was
// merged, and as it stands now.
func TestMerged(t *testing.T) {
	const head, commit, blob = scmtest.One, scmtest.Two, "0123456789012345678901234567890123456789"
	user := func(login string, id int) any { return object("login", login, "id", id) }
	review := func(login string, id int, state, of string) any {
		return object("user", user(login, id), "state", state, "commit_id", of)
	}
	request := func(change ...any) any {
		made := map[string]any{
			"number": 7, "user": user("dev", 1), "merged_at": "2026-01-02T03:04:05Z", "merge_commit_sha": commit,
			"head": object("sha", head, "ref", "cart"), "base": object("ref", "main", "sha", scmtest.One, "repo", object("full_name", "Acme/shop")),
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
		"by nobody":                {requests: []any{request()}, reviews: []any{object("state", "APPROVED", "commit_id", head)}, want: &scm.Merged{At: at, Head: head, File: blob}},
		"without the file":         {requests: []any{request()}, reviews: []any{review("alice", 2, "APPROVED", head)}, noFile: true, want: &scm.Merged{At: at, Head: head, Approvals: alice}},
		"into another branch":      {requests: []any{request("base", object("ref", "release", "repo", object("full_name", "acme/shop")))}},
		"into another repository":  {requests: []any{request("base", object("ref", "main", "repo", object("full_name", "mallory/shop")))}},
		"not merged":               {requests: []any{request("merged_at", nil)}},
		"merged as another commit": {requests: []any{request("merge_commit_sha", head)}},
		"none":                     {requests: []any{}},
		"the second of two is it":  {requests: []any{request("merge_commit_sha", head), request()}, reviews: []any{review("alice", 2, "APPROVED", head)}, want: &scm.Merged{At: at, Head: head, File: blob, Approvals: alice}},
	} {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t).On("GET /repos/acme/shop/commits/"+commit+"/pulls", ok(tt.requests)).On("GET /repos/acme/shop/pulls/7/reviews", ok(tt.reviews))
			contents := ok(object("type", "file", "name", "slipway.yaml", "path", "slipway.yaml", "sha", blob))
			if tt.noFile {
				contents = scmtest.Answer{Status: 404, Body: object("message", "Not Found")}
			}
			api.On("GET /repos/acme/shop/contents/slipway.yaml", contents)
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
		api := scmtest.NewAPI(t).On("GET /repos/acme/shop/commits/"+commit+"/pulls", scmtest.Answer{Status: 500, Body: object("message", "oops")})
		if got, err := reporter(t, api).Merged(t.Context(), "acme/shop", "main", commit, "slipway.yaml"); fault.CodeOf(err) != fault.Unavailable || got != nil {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
