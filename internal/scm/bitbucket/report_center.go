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

// headerUser is the header in which the Data Center names the authenticated user.
const headerUser = "X-Ausername"

// centerForge is Bitbucket Data Center's API.
type centerForge struct {
	*rest
}

// repository returns the path of a repository that was checked.
func (c *centerForge) repository(path string, more ...string) string {
	project, slug, _ := split(path)
	return in(append([]string{"projects", project, "repos", slug}, more...)...)
}

func (c *centerForge) setStatus(ctx context.Context, operation string, s scm.Status) error {
	page := *c.base
	page.Path = strings.TrimSuffix(page.Path, "rest/api/latest/") + c.repository(s.Repository, "commits", s.Commit)
	_, err := c.call(ctx, operation, http.MethodPost, c.repository(s.Repository, "commits", s.Commit, "builds"), newBuild(s, page.String()), nil)
	return err
}

type centerComment struct {
	ID      int64      `json:"id"`
	Version int        `json:"version"`
	Text    string     `json:"text"`
	Author  centerUser `json:"author"`
}

func (c *centerForge) findComment(ctx context.Context, operation string, n scm.Comment) (*comment, error) {
	start := 0
	for range maxPages {
		var page struct {
			Values []struct {
				Comment *centerComment `json:"comment"`
			} `json:"values"`
			Last bool `json:"isLastPage"`
			Next int  `json:"nextPageStart"`
		}
		path := c.pullRequest(n, "activities") + "?limit=100&start=" + strconv.Itoa(start)
		header, err := c.call(ctx, operation, http.MethodGet, path, nil, &page)
		if err != nil {
			return nil, err
		}
		self, err := url.QueryUnescape(header.Get(headerUser))
		if err != nil || self == "" {
			return nil, fault.New(fault.Denied, "%s: the forge treats the request as anonymous; give the repository a token", operation)
		}
		for _, activity := range page.Values {
			found := activity.Comment
			if found != nil && strings.EqualFold(found.Author.Name, self) && n.Marked(found.Text) {
				return &comment{id: strconv.FormatInt(found.ID, 10), version: found.Version, text: found.Text}, nil
			}
		}
		if page.Last || page.Next <= start {
			return nil, nil
		}
		start = page.Next
	}
	return nil, fault.New(fault.Conflict, "the pull request has more than %d activities; Slipway's comment can't be found among them", maxPages*100)
}

func (c *centerForge) pullRequest(n scm.Comment, more ...string) string {
	return c.repository(n.Repository, append([]string{"pull-requests", strconv.FormatInt(n.PullRequest, 10)}, more...)...)
}

func (c *centerForge) writeComment(ctx context.Context, operation string, n scm.Comment, own *comment) error {
	if own == nil {
		_, err := c.call(ctx, operation, http.MethodPost, c.pullRequest(n, "comments"), map[string]any{"text": n.Mark()}, nil)
		return err
	}
	body := map[string]any{"text": n.Mark(), "version": own.version}
	_, err := c.call(ctx, operation, http.MethodPut, c.pullRequest(n, "comments", own.id), body, nil)
	return err
}

type centerHook struct {
	ID            int64             `json:"id,omitempty"`
	Name          string            `json:"name"`
	URL           string            `json:"url"`
	Active        bool              `json:"active"`
	Events        []string          `json:"events"`
	Configuration map[string]string `json:"configuration,omitempty"`
}

func newCenterHook(h scm.Hook) centerHook {
	events := h.Events
	if len(events) == 0 {
		events = []string{
			"repo:refs_changed", "pr:opened", "pr:from_ref_updated", "pr:modified", "pr:merged", "pr:declined", "pr:deleted",
			"pr:reviewer:approved", "pr:reviewer:unapproved", "pr:comment:added",
		}
	}
	return centerHook{Name: "Slipway", URL: h.URL, Active: h.Active, Events: events, Configuration: map[string]string{"secret": h.Secret}}
}

func (h centerHook) neutral() scm.Hook {
	return scm.Hook{ID: strconv.FormatInt(h.ID, 10), URL: h.URL, Active: h.Active, Events: h.Events}
}

func (c *centerForge) listHooks(ctx context.Context, operation, repository string) ([]scm.Hook, error) {
	var hooks []scm.Hook
	start := 0
	for range maxPages {
		var page struct {
			Values []struct {
				ID     int64    `json:"id"`
				URL    string   `json:"url"`
				Active bool     `json:"active"`
				Events []string `json:"events"`
			} `json:"values"`
			Last bool `json:"isLastPage"`
			Next int  `json:"nextPageStart"`
		}
		path := c.repository(repository, "webhooks") + "?limit=100&start=" + strconv.Itoa(start)
		if _, err := c.call(ctx, operation, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		for _, hook := range page.Values {
			hooks = append(hooks, centerHook{ID: hook.ID, URL: hook.URL, Active: hook.Active, Events: hook.Events}.neutral())
		}
		if page.Last || page.Next <= start {
			break
		}
		start = page.Next
	}
	return hooks, nil
}

func (c *centerForge) createHook(ctx context.Context, operation, repository string, h scm.Hook) (scm.Hook, error) {
	var made centerHook
	if _, err := c.call(ctx, operation, http.MethodPost, c.repository(repository, "webhooks"), newCenterHook(h), &made); err != nil {
		return scm.Hook{}, err
	}
	return made.neutral(), nil
}

func (c *centerForge) updateHook(ctx context.Context, operation, repository string, h scm.Hook) error {
	_, err := c.call(ctx, operation, http.MethodPut, c.repository(repository, "webhooks", h.ID), newCenterHook(h), nil)
	return err
}

func (c *centerForge) deleteHook(ctx context.Context, operation, repository, id string) error {
	_, err := c.call(ctx, operation, http.MethodDelete, c.repository(repository, "webhooks", id), nil, nil)
	return err
}
