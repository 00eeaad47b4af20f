package source

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/build/scope"
	"github.com/slipway-dev/slipway/internal/fault"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, minKeyBytes) }

func newTestSigner(t *testing.T, c *clock, keys ...[]byte) *Signer {
	t.Helper()
	signer, err := NewSigner(c.Now, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func sampleClaims(c *clock) Claims {
	return Claims{
		Organization: "acme", Project: "shop", Repository: "main",
		Commit: strings.Repeat("a", 40), Path: "web", Expires: c.now.Add(time.Minute),
		Scope: scope.Scope{Dockerfile: "Dockerfile", Sources: []string{"site"}},
	}
}

func sign(t *testing.T, signer *Signer, claims Claims) string {
	t.Helper()
	token, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerify(t *testing.T) {
	c := newClock()
	signer := newTestSigner(t, c, testKey(1))
	claims := sampleClaims(c)
	token := sign(t, signer, claims)
	got, err := signer.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(claims, got); diff != "" {
		t.Errorf("claims differ (-want +got):\n%s", diff)
	}
	c.now = claims.Expires
	if _, err := signer.Verify(token); fault.CodeOf(err) != fault.Denied || !strings.Contains(err.Error(), "expired") {
		t.Errorf("at its end: %v, want denied", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	c := newClock()
	signer := newTestSigner(t, c, testKey(1))
	token := sign(t, signer, sampleClaims(c))
	head, tail, _ := strings.Cut(token, ".")
	other := sampleClaims(c)
	other.Path = "."
	otherHead, _, _ := strings.Cut(sign(t, signer, other), ".")
	tests := map[string]string{
		"nothing":          "",
		"no signature":     head,
		"empty signature":  head + ".",
		"cut signature":    token[:len(token)-2],
		"longer signature": token + "AA",
		"other claims":     otherHead + "." + tail,
		"other key":        sign(t, newTestSigner(t, c, testKey(2)), sampleClaims(c)),
		"not base64":       "!." + tail,
		"no claims":        encode([]byte("x")) + "." + encode(mac(testKey(1), []byte("x"))),
		"no expiry":        sign(t, signer, Claims{Path: "."}),
		"too long":         strings.Repeat("A", maxTokenBytes+1),
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			claims, err := signer.Verify(token)
			if fault.CodeOf(err) != fault.Denied || !reflect.DeepEqual(claims, Claims{}) {
				t.Errorf("Verify = %+v, %v; want denied", claims, err)
			}
		})
	}
}

func TestKeyRotation(t *testing.T) {
	c := newClock()
	old := newTestSigner(t, c, testKey(1))
	both := newTestSigner(t, c, testKey(2), testKey(1))
	if _, err := both.Verify(sign(t, old, sampleClaims(c))); err != nil {
		t.Errorf("a token of the previous key: %v", err)
	}
	if _, err := newTestSigner(t, c, testKey(2)).Verify(sign(t, both, sampleClaims(c))); err != nil {
		t.Errorf("tokens are not signed with the first key: %v", err)
	}
}

func TestSignerRefusesWeakKeys(t *testing.T) {
	for name, keys := range map[string][][]byte{"none": nil, "empty": {{}}, "short": {testKey(1), make([]byte, 31)}} {
		if _, err := NewSigner(time.Now, keys...); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	signer := newTestSigner(t, newClock(), testKey(1))
	if _, err := signer.Sign(Claims{Path: strings.Repeat("x", maxTokenBytes)}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("claims that are too long: %v, want invalid", err)
	}
}

// No change of a single character of a token leaves it valid with other
// claims.
func TestTamperedTokens(t *testing.T) {
	c := newClock()
	signer := newTestSigner(t, c, testKey(1))
	claims := sampleClaims(c)
	token := sign(t, signer, claims)
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(token)-1).Draw(t, "index")
		b := rapid.ByteRange(32, 126).Draw(t, "byte")
		changed := token[:i] + string(rune(b)) + token[i+1:]
		got, err := signer.Verify(changed)
		if err == nil && !reflect.DeepEqual(got, claims) {
			t.Fatalf("%q gives %+v", changed, got)
		}
	})
}

func FuzzVerify(f *testing.F) {
	c := newClock()
	signer, err := NewSigner(c.Now, testKey(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := signer.Verify(token); fault.CodeOf(err) != fault.Denied {
			t.Errorf("Verify(%q) = %v, want denied", token, err)
		}
	})
}
