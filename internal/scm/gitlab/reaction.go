package gitlab

import (
	"context"
	"fmt"

	api "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// React puts a reaction under a comment. GitLab does not find the note for one that
// has the reaction already.
func (r *Reporter) React(ctx context.Context, repository string, number int64, comment string, reaction scm.Reaction) error {
	const operation = "react to the comment"
	path, err := checked(repository)
	if err != nil {
		return err
	}
	id, err := scm.CommentID(operation, comment)
	if err != nil {
		return err
	}
	options := &api.CreateAwardEmojiOptions{Name: "confused"}
	if reaction == scm.ReactionDone {
		options.Name = "thumbsup"
	}
	_, resp, err := r.client.AwardEmoji.CreateMergeRequestAwardEmojiOnNote(path, number, id, options, api.WithContext(ctx))
	if err = r.coded(operation, resp, err); fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// PullRef returns the ref under which the head of a merge request is published.
func (r *Reporter) PullRef(number int64) string {
	return fmt.Sprintf("refs/merge-requests/%d/head", number)
}
