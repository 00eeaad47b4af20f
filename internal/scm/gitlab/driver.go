package gitlab

import "net/http"

const (
	headerEvent = "X-Gitlab-Event"
	headerToken = "X-Gitlab-Token"
	// headerOnce is the same for all attempts at one delivery; headerID came
	// before it, and events that a hook causes carry their cause's.
	headerOnce = "Idempotency-Key"
	headerID   = "X-Gitlab-Event-Uuid"
)

// maxBody is gitlab.com's documented cap of a payload.
const maxBody = 25 << 20

// Driver reads GitLab's webhooks.
type Driver struct{}

// New returns the driver.
func New() Driver { return Driver{} }

// Matches reports whether the headers are GitLab's.
func (Driver) Matches(h http.Header) bool { return len(h.Values(headerEvent)) > 0 }

// MaxBody returns gitlab.com's cap.
func (Driver) MaxBody() int64 { return maxBody }

// Headers returns the headers of an unsigned delivery.
func (Driver) Headers(event, delivery string) http.Header {
	h := http.Header{}
	h.Set(headerEvent, event)
	h.Set(headerOnce, delivery)
	h.Set(headerID, delivery)
	return h
}
