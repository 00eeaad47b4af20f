package github

import (
	"context"
	"strings"

	api "github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// Checks returns the check runs and the statuses of a commit by name.
func (r *Reporter) Checks(ctx context.Context, repository, commit string) (map[string]scm.State, error) {
	const operation = "read the commit's checks"
	owner, name, err := split(repository)
	if err != nil {
		return nil, err
	}
	if commit, err = scm.FullCommit(operation, commit); err != nil {
		return nil, err
	}
	var checks scm.Checks
	if err := r.checkRuns(ctx, operation, owner, name, commit, &checks); err != nil {
		return nil, err
	}
	if err := r.statuses(ctx, operation, owner, name, commit, &checks); err != nil {
		return nil, err
	}
	return checks.States(), nil
}

func (r *Reporter) checkRuns(ctx context.Context, operation, owner, name, commit string, checks *scm.Checks) error {
	options := &api.ListCheckRunsOptions{Filter: api.String("latest"), ListOptions: api.ListOptions{PerPage: 100}}
	for range maxPages {
		page, resp, err := r.client.Checks.ListCheckRunsForRef(ctx, owner, name, commit, options)
		if err != nil {
			return r.coded(operation, err)
		}
		for _, run := range page.CheckRuns {
			if err := checks.Add(run.GetName(), stateOf(run.GetStatus(), run.GetConclusion())); err != nil {
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

// statuses reads the combined status, which holds the newest of each context.
func (r *Reporter) statuses(ctx context.Context, operation, owner, name, commit string, checks *scm.Checks) error {
	options := &api.ListOptions{PerPage: 100}
	for range maxPages {
		combined, resp, err := r.client.Repositories.GetCombinedStatus(ctx, owner, name, commit, options)
		if err != nil {
			return r.coded(operation, err)
		}
		for _, status := range combined.Statuses {
			if err := checks.Add(status.GetContext(), statusOf(status.GetState())); err != nil {
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

func statusOf(state string) scm.State {
	switch state {
	case "success":
		return scm.StateSuccess
	case "failure":
		return scm.StateFailure
	case "pending":
		return scm.StatePending
	}
	return scm.StateError
}

// PullRequests returns the open pull requests.
func (r *Reporter) PullRequests(ctx context.Context, repository string) ([]scm.PullRequest, error) {
	const operation = "list the open pull requests"
	owner, name, err := split(repository)
	if err != nil {
		return nil, err
	}
	var list scm.PullRequestList
	options := &api.PullRequestListOptions{State: "open", ListOptions: api.ListOptions{PerPage: 100}}
	for range maxPages {
		page, resp, err := r.client.PullRequests.List(ctx, owner, name, options)
		if err != nil {
			return nil, r.coded(operation, err)
		}
		for _, request := range page {
			neutral, err := neutralRequest(repository, request)
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

func neutralRequest(repository string, p *api.PullRequest) (scm.PullRequest, error) {
	head, err := sideOf(p.GetHead())
	if err != nil {
		return scm.PullRequest{}, err
	}
	base, err := sideOf(p.GetBase())
	if err != nil {
		return scm.PullRequest{}, err
	}
	var labels []string
	for _, label := range p.Labels {
		labels = append(labels, label.GetName())
	}
	return scm.PullRequest{
		Number: int64(p.GetNumber()), Head: head, Base: base, Author: scm.Name(p.GetUser().GetLogin()),
		Fork: scm.Fork(head, repository), Draft: p.GetDraft(), Labels: scm.Labels(labels),
	}, nil
}

func sideOf(branch *api.PullRequestBranch) (scm.Side, error) {
	if branch.GetRepo() == nil {
		return scm.NewSide(nil, branch.GetRef(), branch.GetSHA())
	}
	path := branch.GetRepo().GetFullName()
	return scm.NewSide(&path, branch.GetRef(), branch.GetSHA())
}

// Groups asks about each group: ORGANIZATION/TEAM is a team by its slug,
// ORGANIZATION alone is everyone in it. An invited member isn't one yet.
func (r *Reporter) Groups(ctx context.Context, login string, among []string) ([]string, error) {
	const operation = "ask who is in a team"
	var in []string
	for _, group := range scm.Askable(login, among) {
		organization, team, named := strings.Cut(group, "/")
		belongs := false
		if named {
			membership, _, err := r.client.Teams.GetTeamMembershipBySlug(ctx, organization, team, login)
			if err = r.coded(operation, err); err != nil && fault.CodeOf(err) != fault.NotFound {
				return nil, err
			}
			belongs = err == nil && membership.GetState() == "active"
		} else {
			var err error
			if belongs, _, err = r.client.Organizations.IsMember(ctx, organization, login); err != nil {
				return nil, r.coded(operation, err)
			}
		}
		if belongs {
			in = append(in, group)
		}
	}
	return in, nil
}
