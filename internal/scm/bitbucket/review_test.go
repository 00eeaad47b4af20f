package bitbucket_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/bitbucket"
	"github.com/slipway-dev/slipway/internal/scm/scmtest"
)

var _ scm.Reviewer = (*bitbucket.Reporter)(nil)

func TestReviewerConformanceCenter(t *testing.T) {
	const shop = "/rest/api/latest/projects/acme/repos/shop"
	user := func(a scm.Approval) any {
		if a.ID == "" {
			return nil
		}
		id, _ := strconv.Atoi(a.ID)
		return scmtest.Object{"name": a.Login, "id": id}
	}
	serve := func(api *scmtest.API, r scmtest.Reviewed) {
		owner := r.Repository[:len(r.Repository)-len("/shop")]
		request := scmtest.Object{
			"id": 7, "state": "MERGED", "closedDate": scmtest.MergedAt().UnixMilli(), "author": scmtest.Object{"user": user(r.Author)},
			"fromRef": scmtest.Object{"displayId": "cart", "latestCommit": scmtest.One},
			"toRef":   scmtest.Object{"displayId": r.Branch, "repository": scmtest.Object{"slug": "shop", "project": scmtest.Object{"key": owner}}},
		}
		if r.Open {
			request["state"], request["closedDate"] = "OPEN", nil
		} else {
			request["properties"] = scmtest.Object{"mergeCommit": scmtest.Object{"id": r.Commit}}
		}
		given := []any{}
		for _, one := range r.Given {
			state := "APPROVED"
			if one.Not {
				state = "NEEDS_WORK"
			}
			given = append(given, scmtest.Object{"user": user(one.By), "status": state, "lastReviewedCommit": one.Of()})
		}
		request["reviewers"], request["participants"] = given[:len(given)/2], given[len(given)/2:]
		requests := []any{request}
		if r.None {
			requests = []any{}
		}
		api.On("GET "+shop+"/commits/"+scmtest.Two+"/pull-requests", scmtest.OK(scmtest.Object{"values": requests, "isLastPage": true}))
		if !r.NoFile {
			api.On("GET "+shop+"/raw/slipway.yaml", scmtest.Answer{Status: 200, Body: scmtest.FileText})
		}
	}
	scmtest.ConformReviewer(t, func(t *testing.T, api *scmtest.API) scm.Reviewer { return reporter(t, api, "/rest") }, serve,
		func(login string, id int) scm.Approval { return scm.Approval{Login: login, ID: strconv.Itoa(id)} })
}

// cloudServe scripts a merged pull request of the Cloud, and when it was changed after
// its head was pushed.
func cloudServe(api *scmtest.API, r scmtest.Reviewed, changed ...time.Time) {
	user := func(a scm.Approval) any {
		if a.ID == "" {
			return nil
		}
		return scmtest.Object{"account_id": a.ID, "nickname": "whoever"}
	}
	request := scmtest.Object{
		"id": 7, "state": "MERGED", "author": user(r.Author), "merge_commit": scmtest.Object{"hash": r.Commit[:12]},
		"source":      scmtest.Object{"branch": scmtest.Object{"name": "cart"}, "commit": scmtest.Object{"hash": scmtest.One[:12]}},
		"destination": scmtest.Object{"branch": scmtest.Object{"name": r.Branch}, "repository": scmtest.Object{"full_name": r.Repository}},
	}
	if r.Open {
		request["state"], request["merge_commit"] = "OPEN", nil
	}
	requests := []any{request}
	if r.None {
		requests = []any{}
	}
	given := []any{}
	for _, one := range r.Given {
		state := "approved"
		if one.Not {
			state = "changes_requested"
		}
		given = append(given, scmtest.Object{"user": user(one.By), "state": state, "participated_on": one.Moment()})
	}
	whole := scmtest.Object{"participants": given}
	for key, value := range request {
		whole[key] = value
	}
	update := func(state string, at time.Time) any {
		return scmtest.Object{"update": scmtest.Object{"state": state, "date": at}}
	}
	activity := []any{update("MERGED", scmtest.MergedAt()), scmtest.Object{"comment": scmtest.Object{"id": 1}}, update("OPEN", scmtest.Pushed())}
	for _, at := range changed {
		activity = slices.Insert(activity, 1, update("OPEN", at))
	}
	commit := func(id string) scmtest.Answer { return scmtest.OK(scmtest.Object{"hash": id}) }
	api.On("GET "+cloud+"/pullrequests", scmtest.OK(scmtest.Object{"values": requests})).
		On("GET "+cloud+"/pullrequests/7", scmtest.OK(whole)).
		On("GET "+cloud+"/pullrequests/7/activity", scmtest.OK(scmtest.Object{"values": activity})).
		On("GET "+cloud+"/commit/"+scmtest.One[:12], commit(scmtest.One)).On("GET "+cloud+"/commit/"+scmtest.Two[:12], commit(scmtest.Two))
	if !r.NoFile {
		api.On("GET "+cloud+"/src/"+scmtest.One+"/slipway.yaml", scmtest.Answer{Status: 200, Body: scmtest.FileText})
	}
}

func cloudAccount(_ string, id int) scm.Approval {
	name := "account-" + strconv.Itoa(id)
	return scm.Approval{Login: name, ID: name}
}

func TestReviewerConformanceCloud(t *testing.T) {
	scmtest.ConformReviewer(t, func(t *testing.T, api *scmtest.API) scm.Reviewer { return reporter(t, api, "/2.0") },
		func(api *scmtest.API, r scmtest.Reviewed) { cloudServe(api, r) }, cloudAccount)
}

// TestCloudShowsFirstDigitsOnly changes a pull request after it was approved, to a commit
// with the same first digits, and merges one that has those of another's.
func TestCloudShowsFirstDigitsOnly(t *testing.T) {
	reviewed := scmtest.Reviewed{Author: cloudAccount("", 1), Repository: scmtest.Path, Branch: "main", Commit: scmtest.Two, Given: []scmtest.Given{{By: cloudAccount("", 2)}}}
	api := scmtest.NewAPI(t)
	cloudServe(api, reviewed, reviewed.Given[0].Moment().Add(time.Second))
	merged, err := reporter(t, api, "/2.0").Merged(t.Context(), scmtest.Path, "main", scmtest.Two, scmtest.File)
	if err != nil || merged == nil || len(merged.Approvals) != 0 {
		t.Errorf("an approval from before the last change counts: %+v %v", merged, err)
	}
	api = scmtest.NewAPI(t)
	cloudServe(api, reviewed)
	api.On("GET "+cloud+"/commit/"+scmtest.Two[:12], scmtest.OK(scmtest.Object{"hash": scmtest.Two[:39] + "3"}))
	if merged, err := reporter(t, api, "/2.0").Merged(t.Context(), scmtest.Path, "main", scmtest.Two, scmtest.File); err != nil || merged != nil {
		t.Errorf("another commit's merge counts: %+v %v", merged, err)
	}
}
