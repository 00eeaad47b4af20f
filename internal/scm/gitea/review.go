package gitea

import (
	"context"
	"strconv"
	"strings"

	api "code.gitea.io/sdk/gitea"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Merged returns the pull request whose merge made a commit, and who approved it.
func (r *Reporter) Merged(ctx context.Context, repository, branch, commit, file string) (*scm.Merged, error) {
	const operation = "read who approved the merged pull request"
	owner, name, err := split(repository)
	if err != nil {
		return nil, err
	}
	if commit, err = scm.FullCommit(operation, commit); err != nil {
		return nil, err
	}
	client, err := r.client(ctx)
	if err != nil {
		return nil, err
	}
	request, resp, err := client.GetCommitPullRequest(owner, name, commit)
	if err != nil {
		if err = r.coded(operation, resp, err); fault.CodeOf(err) == fault.NotFound {
			return nil, nil
		}
		return nil, err
	}
	if !isMergeOf(request, repository, branch, commit) {
		return nil, nil
	}
	merged := &scm.Merged{Head: request.Head.Sha, At: *request.Merged}
	found, resp, err := client.GetContents(owner, name, merged.Head, file)
	switch err := r.coded(operation, resp, err); {
	case err == nil:
		merged.File = found.SHA
	case fault.CodeOf(err) != fault.NotFound:
		return nil, err
	}
	merged.Approvals, err = r.approvals(client, operation, owner, name, request)
	return merged, err
}

// isMergeOf reports whether a pull request was merged into a branch as a commit.
func isMergeOf(request *api.PullRequest, repository, branch, commit string) bool {
	return request.HasMerged && request.Merged != nil && request.MergedCommitID != nil && *request.MergedCommitID == commit &&
		request.Poster != nil && request.Head != nil && request.Head.Sha != "" &&
		request.Base != nil && request.Base.Ref == branch && request.Base.Repository != nil && strings.EqualFold(request.Base.Repository.FullName, repository)
}

// approvals returns those that stand.
func (r *Reporter) approvals(client *api.Client, operation, owner, name string, request *api.PullRequest) ([]scm.Approval, error) {
	var verdicts scm.Verdicts
	for page := 1; page <= maxPages; page++ {
		options := api.ListPullReviewsOptions{ListOptions: api.ListOptions{Page: page, PageSize: pageSize}}
		listed, resp, err := client.ListPullReviews(owner, name, request.Index, options)
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, review := range listed {
			if review.Reviewer == nil { // a team that was asked
				continue
			}
			by := scm.Approval{Login: review.Reviewer.UserName, ID: strconv.FormatInt(review.Reviewer.ID, 10)}
			switch {
			case review.State == api.ReviewStateApproved && !review.Dismissed:
				verdicts.Add(by, review.CommitID)
			case review.State == api.ReviewStateApproved, review.State == api.ReviewStateRequestChanges:
				verdicts.Add(by, "")
			}
		}
		if resp.NextPage == 0 {
			return verdicts.Standing(request.Head.Sha, strconv.FormatInt(request.Poster.ID, 10)), nil
		}
	}
	return nil, scm.TooMany(operation, maxPages*pageSize)
}
