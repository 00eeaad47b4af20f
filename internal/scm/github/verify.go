package github

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Verify checks X-Hub-Signature-256. The SHA-1 signature that GitHub sends
// beside it is never looked at.
func (Driver) Verify(h http.Header, body []byte, secrets [][]byte) error {
	return scm.VerifyHMAC(h, headerSignature, "sha256=", body, secrets)
}
