package wire

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// Session talks to one remote's upload-pack. It is used by one goroutine. What
// the server sends is bounded in every part of an exchange; its connection ends
// with a refusal.
type Session interface {
	// List asks for the remote's refs, of which there may be limit, and returns
	// those that match a pattern.
	List(ctx context.Context, patterns []string, limit int) (*Listing, error)
	// Pack asks for objects, in a pack of at most max bytes, after a list. The
	// caller closes the response.
	Pack(ctx context.Context, req *packp.UploadPackRequest, max int64) (*packp.UploadPackResponse, error)
	// Close ends the session and its connection.
	Close()
}
