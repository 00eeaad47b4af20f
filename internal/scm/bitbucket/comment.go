package bitbucket

import (
	"context"

	"github.com/slipway-dev/slipway/internal/scm"
)

// comment is a comment under a pull request.
type comment struct {
	id      string
	version int // the Data Center's, against lost edits
	text    string
}

// SetComment writes or edits Slipway's one comment of a topic.
func (r *Reporter) SetComment(ctx context.Context, n scm.Comment) error {
	const operation = "write the pull request's comment"
	if _, _, err := split(n.Repository); err != nil {
		return err
	}
	own, err := r.findComment(ctx, operation, n)
	if err != nil {
		return err
	}
	if own != nil && own.text == n.Mark() {
		return nil
	}
	return r.writeComment(ctx, operation, n, own)
}
