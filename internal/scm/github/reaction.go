package github

import (
	"context"
	"fmt"

	"github.com/slipway-dev/slipway/internal/scm"
)

// React puts a reaction under a comment. GitHub gives back the one that is there.
func (r *Reporter) React(ctx context.Context, repository string, _ int64, comment string, reaction scm.Reaction) error {
	const operation = "react to the comment"
	owner, name, err := split(repository)
	if err != nil {
		return err
	}
	id, err := scm.CommentID(operation, comment)
	if err != nil {
		return err
	}
	content := "confused"
	if reaction == scm.ReactionDone {
		content = "+1"
	}
	_, _, err = r.client.Reactions.CreateIssueCommentReaction(ctx, owner, name, id, content)
	return r.coded(operation, err)
}

// PullRef returns the ref under which the head of a pull request is published.
func (r *Reporter) PullRef(number int64) string { return fmt.Sprintf("refs/pull/%d/head", number) }
