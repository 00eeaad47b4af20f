package gitlab

import (
	"context"
	"net/http"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Checks returns the newest jobs and statuses of a commit by name, and its
// newest pipeline under the name of pipelineCheck.
func (r *Reporter) Checks(ctx context.Context, repository, commit string) (map[string]scm.State, error) {
	const operation = "read the commit's checks"
	path, err := checked(repository)
	if err != nil {
		return nil, err
	}
	if commit, err = scm.FullCommit(operation, commit); err != nil {
		return nil, err
	}
	var checks scm.Checks
	if err := r.statuses(ctx, operation, path, commit, &checks); err != nil {
		return nil, err
	}
	if err := r.pipeline(ctx, operation, path, commit, &checks); err != nil {
		return nil, err
	}
	return checks.States(), nil
}

func (r *Reporter) statuses(ctx context.Context, operation, path, commit string, checks *scm.Checks) error {
	options := &api.GetCommitStatusesOptions{ListOptions: api.ListOptions{PerPage: 100}}
	for range maxPages {
		page, resp, err := r.client.Commits.GetCommitStatuses(path, commit, options, api.WithContext(ctx))
		if err != nil {
			return r.coded(operation, resp, err)
		}
		for _, status := range page {
			state := stateOf(status.Status)
			if state == scm.StateFailure && status.AllowFailure {
				state = scm.StateSuccess // GitLab lets it pass
			}
			if err := checks.Add(status.Name, state); err != nil {
				return err
			}
		}
		if resp.NextPage == 0 {
			return nil
		}
		options.Page = resp.NextPage
	}
	return scm.TooMany(operation, maxPages*100)
}

// pipeline adds the newest pipeline that isn't made of others' statuses, such
// as our own.
func (r *Reporter) pipeline(ctx context.Context, operation, path, commit string, checks *scm.Checks) error {
	options := &api.ListProjectPipelinesOptions{ListOptions: api.ListOptions{PerPage: 20}, SHA: &commit, OrderBy: new("id"), Sort: new("desc")}
	pipelines, resp, err := r.client.Pipelines.ListProjectPipelines(path, options, api.WithContext(ctx))
	if err != nil {
		return r.coded(operation, resp, err)
	}
	for _, pipeline := range pipelines {
		if pipeline.Source != "external" {
			return checks.Add(pipelineCheck, stateOf(pipeline.Status))
		}
	}
	return nil
}

// PullRequests returns the open merge requests.
func (r *Reporter) PullRequests(ctx context.Context, repository string) ([]scm.PullRequest, error) {
	const operation = "list the open merge requests"
	path, err := checked(repository)
	if err != nil {
		return nil, err
	}
	forks := sources{reporter: r, operation: operation, paths: map[int64]*string{}}
	var list scm.PullRequestList
	options := &api.ListProjectMergeRequestsOptions{ListOptions: api.ListOptions{PerPage: 100}, State: new("opened")}
	for range maxPages {
		page, resp, err := r.client.MergeRequests.ListProjectMergeRequests(path, options, api.WithContext(ctx))
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, request := range page {
			neutral, err := forks.neutral(ctx, path, request)
			if err != nil {
				return nil, err
			}
			if err := list.Add(operation, neutral); err != nil {
				return nil, err
			}
		}
		if resp.NextPage == 0 {
			return list.Open(), nil
		}
		options.Page = resp.NextPage
	}
	return nil, scm.TooMany(operation, scm.MaxPullRequests)
}

// sources finds the paths of the repositories that merge requests come from:
// the list only has their numbers.
type sources struct {
	reporter  *Reporter
	operation string
	paths     map[int64]*string // nil for one that is gone
}

func (s sources) neutral(ctx context.Context, path string, m *api.BasicMergeRequest) (scm.PullRequest, error) {
	source := &path
	if m.SourceProjectID != m.TargetProjectID {
		var err error
		if source, err = s.path(ctx, m.SourceProjectID); err != nil {
			return scm.PullRequest{}, err
		}
	}
	head, err := scm.NewSide(source, m.SourceBranch, m.SHA)
	if err != nil {
		return scm.PullRequest{}, err
	}
	base, err := scm.NewSide(&path, m.TargetBranch, "")
	if err != nil {
		return scm.PullRequest{}, err
	}
	request := scm.PullRequest{Number: m.IID, Head: head, Base: base, Fork: scm.Fork(head, path), Draft: m.Draft, Labels: scm.Labels(m.Labels)}
	if m.Author != nil {
		request.Author = scm.Name(m.Author.Username)
	}
	return request, nil
}

func (s sources) path(ctx context.Context, project int64) (*string, error) {
	if path, known := s.paths[project]; known {
		return path, nil
	}
	if project == 0 {
		return nil, nil // deleted
	}
	found, resp, err := s.reporter.client.Projects.GetProject(project, nil, api.WithContext(ctx))
	if err = s.reporter.coded(s.operation, resp, err); err != nil && fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	s.paths[project] = nil
	if err == nil {
		s.paths[project] = &found.PathWithNamespace
	}
	return s.paths[project], nil
}

// Groups asks about each group by its path; members of a group above it
// belong to it too, as they do at GitLab.
func (r *Reporter) Groups(ctx context.Context, login string, among []string) ([]string, error) {
	const operation = "ask who is in a group"
	askable := scm.Askable(login, among)
	if len(askable) == 0 {
		return nil, nil
	}
	users, resp, err := r.client.Users.ListUsers(&api.ListUsersOptions{Username: &login}, api.WithContext(ctx))
	if err != nil {
		return nil, r.coded(operation, resp, err)
	}
	if len(users) != 1 {
		return nil, nil // nobody has the name
	}
	var in []string
	for _, group := range askable {
		member, resp, err := r.client.GroupMembers.GetInheritedGroupMember(group, users[0].ID, api.WithContext(ctx))
		if resp != nil && resp.Response != nil && resp.StatusCode == http.StatusNotFound {
			continue
		}
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		if member.State == "active" && member.AccessLevel > api.MinimalAccessPermissions {
			in = append(in, group)
		}
	}
	return in, nil
}
