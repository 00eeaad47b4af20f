package wire

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
)

// Session talks to one remote's upload-pack. It is used by one goroutine.
type Session interface {
	// Refs asks for the remote's refs. An empty repository gives an
	// advertisement without references.
	Refs(ctx context.Context) (*packp.AdvRefs, error)
	// Pack asks for objects, after refs. The caller closes the response.
	Pack(ctx context.Context, req *packp.UploadPackRequest) (*packp.UploadPackResponse, error)
	// Close ends the session and its connection.
	Close()
}
