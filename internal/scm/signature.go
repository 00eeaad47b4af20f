package scm

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// MaxSecrets is how many secrets are valid at once: the present one and,
// while rotating, the one before it.
const MaxSecrets = 2

// VerifyHMAC is nil when the header's only value is prefix and the hexadecimal
// HMAC-SHA256 of the body under one of the secrets.
func VerifyHMAC(h http.Header, header, prefix string, body []byte, secrets [][]byte) error {
	if err := checkSecrets(secrets); err != nil {
		return err
	}
	value, err := single(h, header)
	if err != nil {
		return err
	}
	digits, found := strings.CutPrefix(value, prefix)
	if !found {
		return fault.New(fault.Denied, "the signature in %s must start with %q; other algorithms are refused", header, prefix)
	}
	given, err := hex.DecodeString(digits)
	if err != nil || len(given) != sha256.Size {
		return fault.New(fault.Denied, "the signature in %s is not a SHA-256 in hexadecimal", header)
	}
	valid := 0
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		valid |= subtle.ConstantTimeCompare(mac.Sum(nil), given)
	}
	if valid != 1 {
		return fault.New(fault.Denied, "the signature in %s doesn't match the body; check that the hook's secret is the project's", header)
	}
	return nil
}

// VerifyToken is nil when the header's only value is one of the secrets. Both
// sides are hashed first, so that the time doesn't reveal lengths either.
func VerifyToken(h http.Header, header string, secrets [][]byte) error {
	if err := checkSecrets(secrets); err != nil {
		return err
	}
	value, err := single(h, header)
	if err != nil {
		return err
	}
	given := sha256.Sum256([]byte(value))
	valid := 0
	for _, secret := range secrets {
		want := sha256.Sum256(secret)
		valid |= subtle.ConstantTimeCompare(want[:], given[:])
	}
	if valid != 1 {
		return fault.New(fault.Denied, "the token in %s is not the project's; check the hook's secret", header)
	}
	return nil
}

// checkSecrets refuses a set of secrets that would let anyone in.
func checkSecrets(secrets [][]byte) error {
	if len(secrets) == 0 {
		return fault.New(fault.Denied, "the project has no webhook secret; nothing is accepted without one")
	}
	if len(secrets) > MaxSecrets {
		return fault.New(fault.Denied, "the project has %d webhook secrets; at most %d are valid at once", len(secrets), MaxSecrets)
	}
	for _, secret := range secrets {
		if len(secret) == 0 {
			return fault.New(fault.Denied, "a webhook secret of the project is empty; nothing is accepted until it is set")
		}
	}
	return nil
}

// single returns the header's value when it has exactly one.
func single(h http.Header, header string) (string, error) {
	values := h.Values(header)
	if len(values) != 1 || values[0] == "" {
		return "", fault.New(fault.Denied, "%s must be present exactly once; it is present %d times", header, len(values))
	}
	return values[0], nil
}
