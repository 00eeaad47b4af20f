package scm

import "net/http"

// Driver reads one forge's webhooks. A driver is safe for concurrent use and
// keeps nothing.
type Driver interface {
	// Matches reports whether the headers are this forge's. At most one driver
	// claims a request.
	Matches(h http.Header) bool
	// Headers returns those that an unsigned delivery of an event has, so that
	// Claims and Parse take it.
	Headers(event, delivery string) http.Header
	// MaxBody is how many bytes a delivery may have.
	MaxBody() int64
	// Verify is nil when the raw body is signed with one of the secrets. It
	// fails closed: no secret, an empty one, a missing, doubled or malformed
	// signature and any older algorithm are errors of code denied. Its time
	// doesn't tell how much of a signature was right.
	Verify(h http.Header, body []byte, secrets [][]byte) error
	// Parse reads a verified body. What is of no interest gives an event of
	// KindIgnored; what can't be a delivery of this forge is an error of code
	// invalid, which quotes nothing of the body.
	Parse(h http.Header, body []byte) (Event, error)
}
