package bitbucket

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Verify checks X-Hub-Signature, which both Bitbuckets fill with an
// HMAC-SHA256; the SHA-1 that others put there is refused.
func (Driver) Verify(h http.Header, body []byte, secrets [][]byte) error {
	return scm.VerifyHMAC(h, headerSignature, "sha256=", body, secrets)
}
