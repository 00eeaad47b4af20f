package gitlab

import (
	"context"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// maxPages bounds how far a list is followed, a hundred entries a page.
const maxPages = 50

// SetComment writes or edits Slipway's one comment of a topic.
func (r *Reporter) SetComment(ctx context.Context, n scm.Comment) error {
	const operation = "write the merge request's comment"
	repository, err := checked(n.Repository)
	if err != nil {
		return err
	}
	found, err := r.findComment(ctx, operation, repository, n)
	if err != nil {
		return err
	}
	body := n.Mark()
	var resp *api.Response
	switch {
	case found == nil:
		options := &api.CreateMergeRequestNoteOptions{Body: &body}
		_, resp, err = r.client.Notes.CreateMergeRequestNote(repository, n.PullRequest, options, api.WithContext(ctx))
	case found.Body != body:
		options := &api.UpdateMergeRequestNoteOptions{Body: &body}
		_, resp, err = r.client.Notes.UpdateMergeRequestNote(repository, n.PullRequest, found.ID, options, api.WithContext(ctx))
	}
	return r.coded(operation, resp, err)
}

// findComment returns our own comment with the comment's hidden line, or nil.
func (r *Reporter) findComment(ctx context.Context, operation, repository string, n scm.Comment) (*api.Note, error) {
	self, err := r.selfID(ctx, operation)
	if err != nil {
		return nil, err
	}
	options := &api.ListMergeRequestNotesOptions{ListOptions: api.ListOptions{PerPage: 100}}
	for range maxPages {
		notes, resp, err := r.client.Notes.ListMergeRequestNotes(repository, n.PullRequest, options, api.WithContext(ctx))
		if err != nil {
			return nil, r.coded(operation, resp, err)
		}
		for _, note := range notes {
			if note.Author.ID == self && n.Marked(note.Body) {
				return note, nil
			}
		}
		if resp.NextPage == 0 {
			return nil, nil
		}
		options.Page = resp.NextPage
	}
	return nil, fault.New(fault.Conflict, "the merge request has more than %d comments; Slipway's own can't be found among them", maxPages*100)
}

// selfID returns the id of the user that the token belongs to.
func (r *Reporter) selfID(ctx context.Context, operation string) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.self != 0 {
		return r.self, nil
	}
	user, resp, err := r.client.Users.CurrentUser(api.WithContext(ctx))
	if err != nil {
		return 0, r.coded(operation, resp, err)
	}
	if user.ID == 0 {
		return 0, fault.New(fault.Unavailable, "%s: the forge doesn't say which user the token belongs to", operation)
	}
	r.self = user.ID
	return r.self, nil
}
