package bitbucket

import (
	"net/http"
	"strings"
)

const (
	headerEvent     = "X-Event-Key"
	headerSignature = "X-Hub-Signature"
	headerCloudID   = "X-Request-Uuid"
	headerCenterID  = "X-Request-Id"
)

// maxBody is ours: the Cloud drops payloads over 256 KB, the Data Center has
// no cap.
const maxBody = 5 << 20

// Driver reads Bitbucket's webhooks.
type Driver struct{}

// New returns the driver.
func New() Driver { return Driver{} }

// Matches reports whether the headers are Bitbucket's.
func (Driver) Matches(h http.Header) bool { return len(h.Values(headerEvent)) > 0 }

// MaxBody returns our cap.
func (Driver) MaxBody() int64 { return maxBody }

// Headers returns the headers of an unsigned delivery, of the Cloud's or the
// Data Center's depending on the event's name.
func (Driver) Headers(event, delivery string) http.Header {
	h := http.Header{}
	h.Set(headerEvent, event)
	if strings.HasPrefix(event, "pr:") || event == "repo:refs_changed" || event == "diagnostics:ping" {
		h.Set(headerCenterID, delivery)
	} else {
		h.Set(headerCloudID, delivery)
	}
	return h
}
