package entrance

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Where a request says that it may see a preview: by a link's parameter, which a browser
// keeps as a cookie, or by a header.
const (
	ShareParameter = "slipway-share"
	BypassHeader   = "X-Slipway-Bypass"
)

// Wall says who may see a preview: who has a share of its subject that the key signed.
type Wall struct {
	Key     ed25519.PublicKey `json:"key"`
	Subject string            `json:"subject"`
}

// NewKey returns what signs shares, derived from a secret that stays.
func NewKey(secret []byte) ed25519.PrivateKey {
	seed := hmac.New(sha256.New, secret)
	seed.Write([]byte("slipway: shares of previews"))
	return ed25519.NewKeyFromSeed(seed.Sum(nil))
}

// NewWall returns the wall around a subject.
func NewWall(key ed25519.PrivateKey, subject string) *Wall {
	return &Wall{Key: ed25519.PublicKey(key[ed25519.SeedSize:]), Subject: subject}
}

// Share returns what lets its holder see a subject until it expires.
func Share(key ed25519.PrivateKey, subject string, expires time.Time) string {
	until := strconv.FormatInt(expires.Unix(), 10)
	return until + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, signed(subject, until)))
}

// signed returns the text that a share signs.
func signed(subject, until string) []byte {
	return []byte("slipway share\n" + subject + "\n" + until)
}

// Admits reports whether a share lets its holder in now, and until when.
func (w *Wall) Admits(share string, now time.Time) (until time.Time, ok bool) {
	text, signature, found := strings.Cut(share, ".")
	seconds, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || len(w.Key) != ed25519.PublicKeySize {
		return time.Time{}, false
	}
	mark, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !ed25519.Verify(w.Key, signed(w.Subject, text), mark) {
		return time.Time{}, false
	}
	until = time.Unix(seconds, 0)
	return until, now.Before(until)
}
