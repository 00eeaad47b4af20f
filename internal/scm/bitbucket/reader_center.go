package bitbucket

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

func (c *centerForge) readChecks(ctx context.Context, operation, repository, commit string, checks *scm.Checks) error {
	builds := rest{base: c.sibling("build-status/latest/"), token: c.token, http: c.http, now: c.now}
	return eachPage(ctx, &builds, operation, in("commits", commit), "", func(s status) error { return s.add(checks) })
}

// sibling returns the base of another of the Data Center's APIs.
func (c *centerForge) sibling(name string) *url.URL {
	base := *c.base
	base.Path = strings.TrimSuffix(base.Path, "api/latest/") + name
	return &base
}

func (c *centerForge) readRequests(ctx context.Context, operation, repository string) ([]scm.PullRequest, error) {
	var list scm.PullRequestList
	err := eachPage(ctx, c.rest, operation, c.repository(repository, "pull-requests"), "&state=OPEN", func(p centerPullRequest) error {
		_, request, err := p.neutral(scm.Event{Name: "pull request"}, nil)
		if err != nil {
			return err
		}
		return list.Add(operation, request)
	})
	if err != nil {
		return nil, err
	}
	return list.Open(), nil
}

// belongs asks for the users of the group whose name contains the login.
func (c *centerForge) belongs(ctx context.Context, operation, login, group string) (bool, error) {
	found := false
	query := "&" + url.Values{"group": {group}, "filter": {login}}.Encode()
	err := eachPage(ctx, c.rest, operation, "users", query, func(user centerUser) error {
		found = found || strings.EqualFold(user.Name, login)
		return nil
	})
	if fault.CodeOf(err) == fault.NotFound {
		return false, nil
	}
	return found, err
}

// eachPage follows a paged list of the Data Center.
func eachPage[T any](ctx context.Context, api *rest, operation, path, query string, each func(T) error) error {
	start := 0
	for range maxPages {
		var page struct {
			Values []T  `json:"values"`
			Last   bool `json:"isLastPage"`
			Next   int  `json:"nextPageStart"`
		}
		if _, err := api.call(ctx, operation, http.MethodGet, path+"?limit=100&start="+strconv.Itoa(start)+query, nil, &page); err != nil {
			return err
		}
		for _, value := range page.Values {
			if err := each(value); err != nil {
				return err
			}
		}
		if page.Last || page.Next <= start {
			return nil
		}
		start = page.Next
	}
	return scm.TooMany(operation, maxPages*100)
}
