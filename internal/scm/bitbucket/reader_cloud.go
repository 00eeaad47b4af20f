package bitbucket

import (
	"context"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

func (c *cloudForge) readChecks(ctx context.Context, operation, repository, commit string, checks *scm.Checks) error {
	next := c.repository(repository, "commit", commit, "statuses") + "?pagelen=100"
	for range maxPages {
		var page struct {
			Values []status `json:"values"`
			Next   string   `json:"next"`
		}
		if _, err := c.call(ctx, operation, http.MethodGet, next, nil, &page); err != nil {
			return err
		}
		for _, s := range page.Values {
			if err := s.add(checks); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		next = page.Next
	}
	return scm.TooMany(operation, maxPages*100)
}

func (c *cloudForge) readRequests(ctx context.Context, operation, repository string) ([]scm.PullRequest, error) {
	var list scm.PullRequestList
	next := c.repository(repository, "pullrequests") + "?state=OPEN&pagelen=50"
	for range maxPages {
		var page struct {
			Values []cloudPullRequest `json:"values"`
			Next   string             `json:"next"`
		}
		if _, err := c.call(ctx, operation, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		for _, p := range page.Values {
			request, err := p.neutral(scm.Event{Name: "pullrequest", Repository: repository})
			if err != nil {
				return nil, err
			}
			if err := list.Add(operation, request); err != nil {
				return nil, err
			}
		}
		if page.Next == "" {
			return list.Open(), nil
		}
		next = page.Next
	}
	return nil, scm.TooMany(operation, scm.MaxPullRequests)
}

// belongs asks whether the account is in the workspace that the group names.
func (c *cloudForge) belongs(ctx context.Context, operation, login, group string) (bool, error) {
	if strings.Contains(group, "/") {
		return false, fault.New(fault.Invalid, "%s: Bitbucket Cloud doesn't disclose who is in group %s; list its members by their account ids, or name a whole workspace", operation, group)
	}
	_, err := c.call(ctx, operation, http.MethodGet, in("workspaces", group, "members", login), nil, nil)
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}
