package scm

import "net/http"

// Driver reads one forge's webhooks. It is safe for concurrent use and has no
// state.
type Driver interface {
	// Matches reports whether the headers are this forge's. At most one driver
	// matches a request.
	Matches(h http.Header) bool
	// Headers returns the headers of an unsigned delivery of an event, so that
	// Matches and Parse accept it.
	Headers(event, delivery string) http.Header
	// MaxBody is how many bytes a delivery may have.
	MaxBody() int64
	// Verify is nil when the raw body is signed with one of the secrets. It
	// fails closed: no secret, an empty one, a missing, doubled or malformed
	// signature and any older algorithm are errors of code denied. It takes the
	// same time however much of a signature is right.
	Verify(h http.Header, body []byte, secrets [][]byte) error
	// Parse reads a verified body. A delivery of no interest gives an event of
	// KindIgnored; a body that can't be a delivery of this forge is an error of
	// code invalid, which quotes nothing of the body.
	Parse(h http.Header, body []byte) (Event, error)
}
