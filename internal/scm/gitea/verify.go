package gitea

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Verify checks X-Gitea-Signature. The signatures in GitHub's and Gogs's
// headers, which are sent beside it, are never looked at.
func (Driver) Verify(h http.Header, body []byte, secrets [][]byte) error {
	return scm.VerifyHMAC(h, headerSignature, "", body, secrets)
}
