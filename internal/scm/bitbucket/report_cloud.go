package bitbucket

import (
	"context"
	"net/http"
	"strconv"
	"sync"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// cloudForge is Bitbucket Cloud's API.
type cloudForge struct {
	*rest
	mu   sync.Mutex
	self string // our account's UUID; empty until asked
}

// repository returns the path of a repository that was checked.
func (c *cloudForge) repository(path string, more ...string) string {
	owner, name, _ := split(path)
	return in(append([]string{"repositories", owner, name}, more...)...)
}

func (c *cloudForge) setStatus(ctx context.Context, operation string, s scm.Status) error {
	page := "https://bitbucket.org/" + s.Repository + "/commits/" + s.Commit
	path := c.repository(s.Repository, "commit", s.Commit, "statuses", "build")
	_, err := c.call(ctx, operation, http.MethodPost, path, newBuild(s, page), nil)
	return err
}

type cloudComment struct {
	ID      int64 `json:"id"`
	Deleted bool  `json:"deleted"`
	User    struct {
		UUID string `json:"uuid"`
	} `json:"user"`
	Content struct {
		Raw string `json:"raw"`
	} `json:"content"`
}

func (c *cloudForge) findComment(ctx context.Context, operation string, n scm.Comment) (*comment, error) {
	self, err := c.account(ctx, operation)
	if err != nil {
		return nil, err
	}
	next := c.comments(n) + "?pagelen=100"
	for range maxPages {
		var page struct {
			Values []cloudComment `json:"values"`
			Next   string         `json:"next"`
		}
		if _, err := c.call(ctx, operation, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		for _, found := range page.Values {
			if !found.Deleted && found.User.UUID == self && n.Marked(found.Content.Raw) {
				return &comment{id: strconv.FormatInt(found.ID, 10), text: found.Content.Raw}, nil
			}
		}
		if page.Next == "" {
			return nil, nil
		}
		next = page.Next
	}
	return nil, fault.New(fault.Conflict, "the pull request has more than %d comments; Slipway's own can't be found among them", maxPages*100)
}

func (c *cloudForge) comments(n scm.Comment) string {
	return c.repository(n.Repository, "pullrequests", strconv.FormatInt(n.PullRequest, 10), "comments")
}

func (c *cloudForge) writeComment(ctx context.Context, operation string, n scm.Comment, own *comment) error {
	body := map[string]any{"content": map[string]string{"raw": n.Mark()}}
	if own == nil {
		_, err := c.call(ctx, operation, http.MethodPost, c.comments(n), body, nil)
		return err
	}
	_, err := c.call(ctx, operation, http.MethodPut, c.comments(n)+"/"+in(own.id), body, nil)
	return err
}

// account returns the UUID of the account that the token belongs to.
func (c *cloudForge) account(ctx context.Context, operation string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.self != "" {
		return c.self, nil
	}
	var user struct {
		UUID string `json:"uuid"`
	}
	if _, err := c.call(ctx, operation, http.MethodGet, "user", nil, &user); err != nil {
		return "", err
	}
	if user.UUID == "" {
		return "", fault.New(fault.Unavailable, "%s: the forge doesn't say which user the token belongs to", operation)
	}
	c.self = user.UUID
	return c.self, nil
}

type cloudHook struct {
	UUID        string   `json:"uuid,omitempty"`
	Description string   `json:"description"`
	URL         string   `json:"url"`
	Active      bool     `json:"active"`
	Secret      string   `json:"secret,omitempty"`
	Events      []string `json:"events"`
}

func newCloudHook(h scm.Hook) cloudHook {
	events := h.Events
	if len(events) == 0 {
		events = []string{
			"repo:push", "repo:commit_status_created", "repo:commit_status_updated", "pullrequest:created", "pullrequest:updated",
			"pullrequest:fulfilled", "pullrequest:rejected", "pullrequest:approved", "pullrequest:unapproved", "pullrequest:comment_created",
		}
	}
	return cloudHook{Description: "Slipway", URL: h.URL, Active: h.Active, Secret: h.Secret, Events: events}
}

func (h cloudHook) neutral() scm.Hook {
	return scm.Hook{ID: h.UUID, URL: h.URL, Active: h.Active, Events: h.Events}
}

func (c *cloudForge) listHooks(ctx context.Context, operation, repository string) ([]scm.Hook, error) {
	var hooks []scm.Hook
	next := c.repository(repository, "hooks") + "?pagelen=100"
	for range maxPages {
		var page struct {
			Values []cloudHook `json:"values"`
			Next   string      `json:"next"`
		}
		if _, err := c.call(ctx, operation, http.MethodGet, next, nil, &page); err != nil {
			return nil, err
		}
		for _, hook := range page.Values {
			hooks = append(hooks, hook.neutral())
		}
		if page.Next == "" {
			break
		}
		next = page.Next
	}
	return hooks, nil
}

func (c *cloudForge) createHook(ctx context.Context, operation, repository string, h scm.Hook) (scm.Hook, error) {
	var made cloudHook
	if _, err := c.call(ctx, operation, http.MethodPost, c.repository(repository, "hooks"), newCloudHook(h), &made); err != nil {
		return scm.Hook{}, err
	}
	return made.neutral(), nil
}

func (c *cloudForge) updateHook(ctx context.Context, operation, repository string, h scm.Hook) error {
	_, err := c.call(ctx, operation, http.MethodPut, c.repository(repository, "hooks", h.ID), newCloudHook(h), nil)
	return err
}

func (c *cloudForge) deleteHook(ctx context.Context, operation, repository, id string) error {
	_, err := c.call(ctx, operation, http.MethodDelete, c.repository(repository, "hooks", id), nil, nil)
	return err
}
