package github

import (
	"context"
	"strings"

	api "github.com/google/go-github/v62/github"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// maxPages bounds how far a list is followed, a hundred entries a page.
const maxPages = 50

// SetComment writes or edits Slipway's one comment of a topic.
func (r *Reporter) SetComment(ctx context.Context, n scm.Comment) error {
	const operation = "write the pull request's comment"
	owner, name, err := split(n.Repository)
	if err != nil {
		return err
	}
	found, err := r.findComment(ctx, owner, name, n)
	if err != nil {
		return r.coded(operation, err)
	}
	comment := &api.IssueComment{Body: api.String(n.Mark())}
	switch {
	case found == nil:
		_, _, err = r.client.Issues.CreateComment(ctx, owner, name, int(n.PullRequest), comment)
	case found.GetBody() != n.Mark():
		_, _, err = r.client.Issues.EditComment(ctx, owner, name, found.GetID(), comment)
	}
	return r.coded(operation, err)
}

// findComment returns our own comment with the comment's hidden line, or nil.
func (r *Reporter) findComment(ctx context.Context, owner, name string, n scm.Comment) (*api.IssueComment, error) {
	self, err := r.self(ctx)
	if err != nil {
		return nil, err
	}
	options := &api.IssueListCommentsOptions{ListOptions: api.ListOptions{PerPage: 100}}
	for range maxPages {
		comments, resp, err := r.client.Issues.ListComments(ctx, owner, name, int(n.PullRequest), options)
		if err != nil {
			return nil, err
		}
		for _, comment := range comments {
			if n.Marked(comment.GetBody()) && strings.EqualFold(comment.GetUser().GetLogin(), self) {
				return comment, nil
			}
		}
		if resp.NextPage == 0 {
			return nil, nil
		}
		options.Page = resp.NextPage
	}
	return nil, fault.New(fault.Conflict, "the pull request has more than %d comments; Slipway's own can't be found among them", maxPages*100)
}

// self returns the login that our comments carry.
func (r *Reporter) self(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.login != "" {
		return r.login, nil
	}
	if r.app != nil {
		app, _, err := r.app.Apps.Get(ctx, "")
		if err != nil {
			return "", err
		}
		r.login = app.GetSlug() + "[bot]"
		return r.login, nil
	}
	user, _, err := r.client.Users.Get(ctx, "")
	if err != nil {
		return "", err
	}
	if user.GetLogin() == "" {
		return "", fault.New(fault.Unavailable, "the forge doesn't say which user the token belongs to")
	}
	r.login = user.GetLogin()
	return r.login, nil
}
