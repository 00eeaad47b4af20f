package source

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
)

const (
	tokenVersion  = "slipway-source-2"
	minKeyBytes   = 32
	maxTokenBytes = 8 << 10
)

// Claims is what a token opens.
type Claims struct {
	Organization string `json:"organization"`
	Project      string `json:"project"`
	Repository   string `json:"repository"`
	Commit       string `json:"commit"`
	Path         string `json:"path"` // of the context in the commit's tree, "." for its root
	// Scope is what the build may read of the context.
	Scope   scope.Scope `json:"scope"`
	Expires time.Time   `json:"expires"`
}

// Signer makes and checks tokens. It is immutable and safe for concurrent use.
type Signer struct {
	keys [][]byte
	now  func() time.Time
}

// NewSigner returns a Signer that signs with the first key and accepts each of
// them, so that keys can be rotated. A key has at least 32 bytes.
func NewSigner(now func() time.Time, keys ...[]byte) (*Signer, error) {
	if len(keys) == 0 {
		return nil, fault.New(fault.Invalid, "no key to sign source tokens with; set one of at least %d random bytes", minKeyBytes)
	}
	signer := &Signer{now: now}
	for _, key := range keys {
		if len(key) < minKeyBytes {
			return nil, fault.New(fault.Invalid, "a key to sign source tokens with has %d bytes, fewer than the %d needed; use random bytes", len(key), minKeyBytes)
		}
		signer.keys = append(signer.keys, slices.Clone(key))
	}
	return signer, nil
}

// Sign returns a token for the claims. It is a secret until it expires.
func (s *Signer) Sign(claims Claims) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fault.Wrap(fault.Internal, err, "encode the claims of a source token")
	}
	token := encode(payload) + "." + encode(mac(s.keys[0], payload))
	if len(token) > maxTokenBytes {
		return "", fault.New(fault.Invalid, "the path of the build context is too long (%d bytes); shorten it", len(claims.Path))
	}
	return token, nil
}

// Verify returns a token's claims. Every error is Denied, says nothing of the
// token's content, and comes before the claims are even decoded unless the
// signature is right.
func (s *Signer) Verify(token string) (Claims, error) {
	if token == "" || len(token) > maxTokenBytes {
		return Claims{}, errToken()
	}
	head, tail, _ := strings.Cut(token, ".")
	payload, headErr := base64.RawURLEncoding.DecodeString(head)
	signature, tailErr := base64.RawURLEncoding.DecodeString(tail)
	if headErr != nil || tailErr != nil || !s.signed(payload, signature) {
		return Claims{}, errToken()
	}
	var claims Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Claims{}, errToken()
	}
	if !s.now().Before(claims.Expires) {
		return Claims{}, fault.New(fault.Denied, "the source token has expired; start the build again")
	}
	return claims, nil
}

// signed tries every key in the same time whichever matches.
func (s *Signer) signed(payload, signature []byte) bool {
	found := false
	for _, key := range s.keys {
		if hmac.Equal(mac(key, payload), signature) {
			found = true
		}
	}
	return found
}

func mac(key, payload []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(tokenVersion))
	h.Write([]byte{0})
	h.Write(payload)
	return h.Sum(nil)
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func errToken() error {
	return fault.New(fault.Denied, "the source token is not valid; start the build again")
}
