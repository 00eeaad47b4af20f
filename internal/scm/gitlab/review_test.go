package gitlab_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/gitlab"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reviewer = (*gitlab.Reporter)(nil)

const shop = "/api/v4/projects/acme%2Fshop"

// account is how GitLab shows one, null for none.
func account(a scm.Approval) any {
	if a.ID == "" {
		return nil
	}
	id, _ := strconv.Atoi(a.ID)
	return scmtest.Object{"username": a.Login, "id": id}
}

// serve scripts a merge request that was merged by a merge commit, unless it is changed.
func serve(api *scmtest.API, r scmtest.Reviewed, change ...func(request scmtest.Object)) {
	request := scmtest.Object{
		"iid": 7, "state": "merged", "merged_at": scmtest.MergedAt(), "sha": scmtest.One, "merge_commit_sha": r.Commit, "target_branch": r.Branch,
		"author": account(r.Author), "references": scmtest.Object{"full": r.Repository + "!7"},
	}
	if r.Open {
		request["state"], request["merged_at"] = "opened", nil
	}
	for _, alter := range change {
		alter(request)
	}
	requests := []any{request}
	if r.None {
		requests = []any{}
	}
	given := []any{}
	for _, one := range r.Given {
		if !one.Not { // GitLab forgets what was taken back
			given = append(given, scmtest.Object{"user": account(one.By), "approved_at": one.Moment()})
		}
	}
	api.On("GET "+shop+"/repository/commits/"+scmtest.Two+"/merge_requests", scmtest.OK(requests)).
		On("GET "+shop+"/merge_requests/7/approvals", scmtest.OK(scmtest.Object{"approved_by": given})).
		On("GET "+shop+"/merge_requests/7/versions", scmtest.OK([]any{scmtest.Object{"id": 1, "head_commit_sha": scmtest.One, "created_at": scmtest.Pushed()}}))
	if !r.NoFile {
		api.On("HEAD "+shop+"/repository/files/slipway%2Eyaml", scmtest.Answer{Status: 200, Header: map[string]string{"X-Gitlab-Blob-Id": scmtest.FileBlob}})
	}
}

func TestReviewerConformance(t *testing.T) {
	scmtest.ConformReviewer(t, func(t *testing.T, api *scmtest.API) scm.Reviewer { return reporter(t, api) },
		func(api *scmtest.API, r scmtest.Reviewed) { serve(api, r) },
		func(login string, id int) scm.Approval { return scm.Approval{Login: login, ID: strconv.Itoa(id)} })
}

// TestMergeMethods reads what other ways of merging make, and what is not certain.
func TestMergeMethods(t *testing.T) {
	alice := scm.Approval{Login: "alice", ID: "2"}
	for name, tt := range map[string]struct {
		change   func(request scmtest.Object)
		versions []any
		given    any
		want     []scm.Approval
	}{
		"squashed":           {change: func(r scmtest.Object) { r["merge_commit_sha"], r["squash_commit_sha"] = nil, scmtest.Two }, want: []scm.Approval{alice}},
		"fast-forwarded":     {change: func(r scmtest.Object) { r["merge_commit_sha"], r["sha"] = nil, scmtest.Two }, versions: []any{scmtest.Object{"head_commit_sha": scmtest.Two, "created_at": scmtest.Pushed()}}, want: []scm.Approval{alice}},
		"another head later": {versions: []any{scmtest.Object{"head_commit_sha": scmtest.Two, "created_at": scmtest.Pushed()}}},
		"no versions":        {versions: []any{}},
		"no time":            {given: scmtest.Object{"user": account(alice)}},
	} {
		t.Run(name, func(t *testing.T) {
			api := scmtest.NewAPI(t)
			r := scmtest.Reviewed{Author: scm.Approval{Login: "dev", ID: "1"}, Repository: scmtest.Path, Branch: "main", Commit: scmtest.Two, Given: []scmtest.Given{{By: alice}}}
			change := tt.change
			if change == nil {
				change = func(scmtest.Object) {}
			}
			serve(api, r, change)
			if tt.versions != nil {
				api.On("GET "+shop+"/merge_requests/7/versions", scmtest.OK(tt.versions))
			}
			if tt.given != nil {
				api.On("GET "+shop+"/merge_requests/7/approvals", scmtest.OK(scmtest.Object{"approved_by": []any{tt.given}}))
			}
			merged, err := reporter(t, api).Merged(t.Context(), scmtest.Path, "main", scmtest.Two, scmtest.File)
			if err != nil || merged == nil {
				t.Fatalf("%v %v, after %v", merged, err, api.Calls())
			}
			if diff := cmp.Diff(tt.want, merged.Approvals); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
