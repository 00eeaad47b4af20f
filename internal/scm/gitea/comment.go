package gitea

import (
	"context"

	api "code.gitea.io/sdk/gitea"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// maxPages bounds how far a list is followed, fifty entries a page: a server
// gives no more by default.
const (
	maxPages = 100
	pageSize = 50
)

// SetComment writes or edits Slipway's one comment of a topic.
func (r *Reporter) SetComment(ctx context.Context, n scm.Comment) error {
	const operation = "write the pull request's comment"
	owner, name, err := split(n.Repository)
	if err != nil {
		return err
	}
	client, err := r.client(ctx)
	if err != nil {
		return err
	}
	found, err := r.findComment(client, operation, owner, name, n)
	if err != nil {
		return err
	}
	var resp *api.Response
	switch {
	case found == nil:
		_, resp, err = client.CreateIssueComment(owner, name, n.PullRequest, api.CreateIssueCommentOption{Body: n.Mark()})
	case found.Body != n.Mark():
		_, resp, err = client.EditIssueComment(owner, name, found.ID, api.EditIssueCommentOption{Body: n.Mark()})
	}
	return r.coded(operation, resp, err)
}

// findComment returns our own comment with the comment's hidden line, or nil. The
// API gives all comments of an issue at once, so a full page is followed only
// where a server began to page them.
func (r *Reporter) findComment(client *api.Client, operation, owner, name string, n scm.Comment) (*api.Comment, error) {
	self, err := r.selfID(client, operation)
	if err != nil {
		return nil, err
	}
	for page := 1; page <= maxPages; page++ {
		options := api.ListIssueCommentOptions{ListOptions: api.ListOptions{Page: page, PageSize: pageSize}}
		comments, resp, err := client.ListIssueComments(owner, name, n.PullRequest, options)
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, comment := range comments {
			if comment.Poster != nil && comment.Poster.ID == self && n.Marked(comment.Body) {
				return comment, nil
			}
		}
		if resp.NextPage == 0 {
			return nil, nil
		}
	}
	return nil, fault.New(fault.Conflict, "the pull request has more than %d comments; Slipway's own can't be found among them", maxPages*pageSize)
}

// selfID returns the id of the user that the token belongs to.
func (r *Reporter) selfID(client *api.Client, operation string) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.self != 0 {
		return r.self, nil
	}
	user, resp, err := client.GetMyUserInfo()
	if err != nil {
		return 0, r.coded(operation, resp, err)
	}
	if user.ID == 0 {
		return 0, fault.New(fault.Unavailable, "%s: the forge doesn't say which user the token belongs to", operation)
	}
	r.self = user.ID
	return r.self, nil
}
