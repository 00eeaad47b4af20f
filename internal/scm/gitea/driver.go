package gitea

import "net/http"

// Forgejo sends all of these beside its own.
const (
	headerEvent     = "X-Gitea-Event"
	headerDelivery  = "X-Gitea-Delivery"
	headerSignature = "X-Gitea-Signature"
)

// maxBody is ours: Gitea has no cap of its own, and names at most a page of a
// push's commits.
const maxBody = 8 << 20

// Driver reads the webhooks.
type Driver struct{}

// New returns the driver.
func New() Driver { return Driver{} }

// Matches reports whether the headers are Gitea's or Forgejo's.
func (Driver) Matches(h http.Header) bool { return len(h.Values(headerEvent)) > 0 }

// MaxBody returns our cap.
func (Driver) MaxBody() int64 { return maxBody }

// Headers returns the headers of an unsigned delivery.
func (Driver) Headers(event, delivery string) http.Header {
	h := http.Header{}
	h.Set(headerEvent, event)
	h.Set(headerDelivery, delivery)
	return h
}
