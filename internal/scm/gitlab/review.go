package gitlab

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Merged returns the merge request whose merge made a commit, and who approved it.
func (r *Reporter) Merged(ctx context.Context, repository, branch, commit, file string) (*scm.Merged, error) {
	const operation = "read who approved the merged merge request"
	path, err := checked(repository)
	if err != nil {
		return nil, err
	}
	if commit, err = scm.FullCommit(operation, commit); err != nil {
		return nil, err
	}
	requests, resp, err := r.client.Commits.ListMergeRequestsByCommit(path, commit, api.WithContext(ctx))
	if err != nil {
		return nil, r.coded(operation, resp, err)
	}
	for _, request := range requests {
		if !isMergeOf(request, path, branch, commit) {
			continue
		}
		merged := &scm.Merged{Head: request.SHA, At: *request.MergedAt}
		found, resp, err := r.client.RepositoryFiles.GetFileMetaData(path, file, &api.GetFileMetaDataOptions{Ref: &request.SHA}, api.WithContext(ctx))
		switch err := r.coded(operation, resp, err); {
		case err == nil:
			merged.File = found.BlobID
		case fault.CodeOf(err) != fault.NotFound:
			return nil, err
		}
		merged.Approvals, err = r.approvals(ctx, operation, path, request)
		return merged, err
	}
	return nil, nil
}

// isMergeOf reports whether a merge request was merged into a branch as a commit: the
// merge commit, the squashed one, or its own head when the branch was fast-forwarded.
func isMergeOf(m *api.BasicMergeRequest, path, branch, commit string) bool {
	return m.State == "merged" && m.MergedAt != nil && m.SHA != "" && m.Author != nil && m.TargetBranch == branch &&
		cmp.Or(m.MergeCommitSHA, m.SquashCommitSHA, m.SHA) == commit &&
		m.References != nil && strings.EqualFold(m.References.Full, path+"!"+strconv.FormatInt(m.IID, 10))
}

// approvals returns those that stand and were given after the head that was merged had
// been pushed. GitLab says when somebody approved, but not what; one from before it
// knew the time counts for nothing.
func (r *Reporter) approvals(ctx context.Context, operation, path string, request *api.BasicMergeRequest) ([]scm.Approval, error) {
	pushed, err := r.pushed(ctx, operation, path, request)
	if err != nil || pushed.IsZero() {
		return nil, err
	}
	given, resp, err := r.client.MergeRequestApprovals.GetConfiguration(path, request.IID, api.WithContext(ctx))
	if err != nil {
		return nil, r.coded(operation, resp, err)
	}
	var verdicts scm.Verdicts
	for _, one := range given.ApprovedBy {
		if one.User != nil && one.ApprovedAt != nil && one.ApprovedAt.After(pushed) {
			verdicts.Add(scm.Approval{Login: one.User.Username, ID: strconv.FormatInt(one.User.ID, 10)}, request.SHA)
		}
	}
	return verdicts.Standing(request.SHA, strconv.FormatInt(request.Author.ID, 10)), nil
}

// pushed returns when GitLab took in the head that was merged; zero when another one
// came last.
func (r *Reporter) pushed(ctx context.Context, operation, path string, request *api.BasicMergeRequest) (time.Time, error) {
	options := &api.GetMergeRequestDiffVersionsOptions{ListOptions: api.ListOptions{PerPage: 1}} // the newest
	versions, resp, err := r.client.MergeRequests.GetMergeRequestDiffVersions(path, request.IID, options, api.WithContext(ctx))
	if err != nil {
		return time.Time{}, r.coded(operation, resp, err)
	}
	if len(versions) == 0 || versions[0].HeadCommitSHA != request.SHA || versions[0].CreatedAt == nil {
		return time.Time{}, nil
	}
	return *versions[0].CreatedAt, nil
}
