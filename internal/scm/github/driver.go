package github

import "net/http"

const (
	headerEvent     = "X-GitHub-Event"
	headerDelivery  = "X-GitHub-Delivery"
	headerSignature = "X-Hub-Signature-256"
)

// maxBody is GitHub's documented cap of a payload; larger ones aren't sent.
const maxBody = 25 << 20

// Driver reads GitHub's webhooks.
type Driver struct{}

// New returns the driver.
func New() Driver { return Driver{} }

// Matches reports whether the headers are GitHub's. Gitea, Forgejo and Gogs
// send GitHub's headers beside their own.
func (Driver) Matches(h http.Header) bool {
	for _, other := range []string{"X-Gitea-Event", "X-Forgejo-Event", "X-Gogs-Event"} {
		if len(h.Values(other)) > 0 {
			return false
		}
	}
	return len(h.Values(headerEvent)) > 0
}

// MaxBody returns GitHub's cap.
func (Driver) MaxBody() int64 { return maxBody }

// Headers returns the headers of an unsigned delivery.
func (Driver) Headers(event, delivery string) http.Header {
	h := http.Header{}
	h.Set(headerEvent, event)
	h.Set(headerDelivery, delivery)
	return h
}
