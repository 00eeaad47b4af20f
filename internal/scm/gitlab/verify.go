package gitlab

import (
	"net/http"

	"github.com/slipway-dev/slipway/internal/scm"
)

// Verify checks X-Gitlab-Token, which is the secret itself: GitLab signs
// nothing with it, so only TLS protects the body.
func (Driver) Verify(h http.Header, _ []byte, secrets [][]byte) error {
	return scm.VerifyToken(h, headerToken, secrets)
}
