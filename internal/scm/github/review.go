package github

import (
	"context"
	"strconv"
	"strings"

	api "github.com/google/go-github/v62/github"

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
	requests, resp, err := r.client.PullRequests.ListPullRequestsWithCommit(ctx, owner, name, commit, &api.ListOptions{PerPage: 100})
	if err != nil {
		return nil, r.coded(operation, err)
	}
	if resp.NextPage != 0 {
		return nil, scm.TooMany(operation, 100)
	}
	for _, request := range requests {
		if !isMergeOf(request, repository, branch, commit) {
			continue
		}
		merged := &scm.Merged{Head: request.GetHead().GetSHA(), At: request.GetMergedAt().Time}
		if merged.File, err = r.fileAt(ctx, operation, owner, name, merged.Head, file); err != nil {
			return nil, err
		}
		merged.Approvals, err = r.approvals(ctx, operation, owner, name, request)
		return merged, err
	}
	return nil, nil
}

// isMergeOf reports whether a pull request was merged into a branch as a commit.
func isMergeOf(request *api.PullRequest, repository, branch, commit string) bool {
	base := request.GetBase()
	return !request.GetMergedAt().IsZero() && request.GetMergeCommitSHA() == commit &&
		base.GetRef() == branch && strings.EqualFold(base.GetRepo().GetFullName(), repository)
}

// fileAt returns the object id of a file at a commit.
func (r *Reporter) fileAt(ctx context.Context, operation, owner, name, commit, file string) (string, error) {
	found, _, _, err := r.client.Repositories.GetContents(ctx, owner, name, file, &api.RepositoryContentGetOptions{Ref: commit})
	if err != nil {
		if err = r.coded(operation, err); fault.CodeOf(err) == fault.NotFound {
			return "", nil
		}
		return "", err
	}
	return found.GetSHA(), nil
}

// approvals returns those that stand.
func (r *Reporter) approvals(ctx context.Context, operation, owner, name string, request *api.PullRequest) ([]scm.Approval, error) {
	var verdicts scm.Verdicts
	options := &api.ListOptions{PerPage: 100}
	for range maxPages {
		page, resp, err := r.client.PullRequests.ListReviews(ctx, owner, name, request.GetNumber(), options)
		if err != nil {
			return nil, r.coded(operation, err)
		}
		for _, review := range page {
			by := scm.Approval{Login: review.GetUser().GetLogin(), ID: strconv.FormatInt(review.GetUser().GetID(), 10)}
			switch review.GetState() {
			case "APPROVED":
				verdicts.Add(by, review.GetCommitID())
			case "CHANGES_REQUESTED", "DISMISSED":
				verdicts.Add(by, "")
			}
		}
		if resp.NextPage == 0 {
			return verdicts.Standing(request.GetHead().GetSHA(), strconv.FormatInt(request.GetUser().GetID(), 10)), nil
		}
		options.Page = resp.NextPage
	}
	return nil, scm.TooMany(operation, maxPages*100)
}
