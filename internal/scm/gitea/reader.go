package gitea

import (
	"context"
	"net/http"
	"strings"

	api "code.gitea.io/sdk/gitea"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Checks returns the newest status of each context of a commit.
func (r *Reporter) Checks(ctx context.Context, repository, commit string) (map[string]scm.State, error) {
	const operation = "read the commit's checks"
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
	newest := map[string]*api.Status{}
	for page := 1; page <= maxPages; page++ {
		options := api.ListStatusesOption{ListOptions: api.ListOptions{Page: page, PageSize: pageSize}}
		listed, resp, err := client.ListStatuses(owner, name, commit, options)
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, status := range listed {
			if known := newest[status.Context]; known == nil || known.ID < status.ID {
				newest[status.Context] = status
			}
		}
		if resp.NextPage == 0 {
			return states(newest)
		}
	}
	return nil, scm.TooMany(operation, maxPages*pageSize)
}

func states(newest map[string]*api.Status) (map[string]scm.State, error) {
	var checks scm.Checks
	for name, status := range newest {
		if err := checks.Add(name, stateOf(status.State)); err != nil {
			return nil, err
		}
	}
	return checks.States(), nil
}

// stateOf translates a state; a warning counts as an error.
func stateOf(state api.StatusState) scm.State {
	switch state {
	case api.StatusSuccess:
		return scm.StateSuccess
	case api.StatusFailure:
		return scm.StateFailure
	case api.StatusPending:
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
	client, err := r.client(ctx)
	if err != nil {
		return nil, err
	}
	var list scm.PullRequestList
	for page := 1; page <= maxPages; page++ {
		options := api.ListPullRequestsOptions{ListOptions: api.ListOptions{Page: page, PageSize: pageSize}, State: api.StateOpen}
		listed, resp, err := client.ListRepoPullRequests(owner, name, options)
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, request := range listed {
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
	}
	return nil, scm.TooMany(operation, scm.MaxPullRequests)
}

func neutralRequest(repository string, p *api.PullRequest) (scm.PullRequest, error) {
	head, err := sideOf(p.Head)
	if err != nil {
		return scm.PullRequest{}, err
	}
	base, err := sideOf(p.Base)
	if err != nil {
		return scm.PullRequest{}, err
	}
	request := scm.PullRequest{Number: p.Index, Head: head, Base: base, Fork: scm.Fork(head, repository), Draft: p.Draft}
	if p.Poster != nil {
		request.Author = scm.Name(p.Poster.UserName)
	}
	var labels []string
	for _, label := range p.Labels {
		labels = append(labels, label.Name)
	}
	request.Labels = scm.Labels(labels)
	return request, nil
}

// sideOf returns a side; of a deleted repository no branch is named, only
// the pull request's own ref.
func sideOf(branch *api.PRBranchInfo) (scm.Side, error) {
	switch {
	case branch == nil:
		return scm.Side{}, nil
	case branch.Repository == nil && strings.HasPrefix(branch.Ref, "refs/pull/"):
		return scm.NewSide(nil, "", branch.Sha)
	case branch.Repository == nil:
		return scm.NewSide(nil, branch.Ref, branch.Sha)
	}
	return scm.NewSide(&branch.Repository.FullName, branch.Ref, branch.Sha)
}

const askGroups = "ask who is in a team"

// Groups asks about each group: ORGANIZATION/TEAM is a team by its name,
// ORGANIZATION alone is everyone in it.
func (r *Reporter) Groups(ctx context.Context, login string, among []string) ([]string, error) {
	client, err := r.client(ctx)
	if err != nil {
		return nil, err
	}
	var in []string
	for _, group := range scm.Askable(login, among) {
		organization, team, named := strings.Cut(group, "/")
		belongs := false
		if named {
			belongs, err = r.inTeam(client, organization, team, login)
		} else {
			belongs, err = r.inOrganization(client, organization, login)
		}
		if err != nil {
			return nil, err
		}
		if belongs {
			in = append(in, group)
		}
	}
	return in, nil
}

func (r *Reporter) inOrganization(client *api.Client, organization, login string) (bool, error) {
	belongs, resp, err := client.CheckOrgMembership(organization, login)
	if missing(resp) {
		return false, nil
	}
	return belongs, r.coded(askGroups, resp, err)
}

// inTeam finds the team by its name, and asks for the member.
func (r *Reporter) inTeam(client *api.Client, organization, team, login string) (bool, error) {
	options := &api.SearchTeamsOptions{ListOptions: api.ListOptions{Page: 1, PageSize: pageSize}, Query: team}
	found, resp, err := client.SearchOrgTeams(organization, options)
	if missing(resp) {
		return false, nil
	}
	if err != nil {
		return false, r.coded(askGroups, resp, err)
	}
	for _, candidate := range found {
		if !strings.EqualFold(candidate.Name, team) {
			continue
		}
		_, resp, err := client.GetTeamMember(candidate.ID, login)
		if missing(resp) {
			return false, nil
		}
		return err == nil, r.coded(askGroups, resp, err)
	}
	return false, nil
}

func missing(resp *api.Response) bool {
	return resp != nil && resp.Response != nil && resp.StatusCode == http.StatusNotFound
}
