package scmtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
)

// SignHMAC returns a Sign that sets the header to the prefix and the HMAC.
func SignHMAC(header, prefix string) func(h http.Header, body, secret []byte) {
	return func(h http.Header, body, secret []byte) {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		h.Set(header, prefix+hex.EncodeToString(mac.Sum(nil)))
	}
}

// FuzzParse tries arbitrary bodies, seeded with the driver's payloads. What
// comes out must be bounded, and an error must be coded.
func FuzzParse(f *testing.F, driver scm.Driver, header func(event string) http.Header) {
	files, err := filepath.Glob(filepath.Join("testdata", "payloads", "*.json"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		event, _, _ := strings.Cut(filepath.Base(file), ".")
		f.Add(event, body)
	}
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		e, err := driver.Parse(header(event), body)
		if err != nil {
			if code := fault.CodeOf(err); code != fault.Invalid {
				t.Fatalf("an error of code %s: %v", code, err)
			}
			return
		}
		sound(t, e)
	})
}

// sound fails when an event isn't as its type promises.
func sound(t *testing.T, e scm.Event) {
	if e.Kind == "" || e.Delivery == "" {
		t.Fatalf("an event without kind or delivery: %+v", e)
	}
	for name, s := range map[string]string{"actor": e.Actor, "name": e.Name, "repository": e.Repository, "ref": e.Ref} {
		if len(s) > 1024 || !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\r\n\x1b") {
			t.Fatalf("the %s is unbounded or has control characters: %q", name, s)
		}
	}
	for _, id := range []string{e.Before, e.After} {
		if id != "" && len(id) != 40 && len(id) != 64 {
			t.Fatalf("%q is no commit id", id)
		}
	}
	needsRef := e.Kind == scm.KindPush || e.Kind == scm.KindTag || e.Kind == scm.KindDelete
	if needsRef != (e.Ref != "") || needsRef && e.Repository == "" {
		t.Fatalf("a %s of ref %q in %q", e.Kind, e.Ref, e.Repository)
	}
	if e.Comment != nil && len(e.Comment.Body) > scm.MaxComment {
		t.Fatalf("a comment of %d bytes", len(e.Comment.Body))
	}
	if e.Kind == scm.KindPullRequest && (e.PullRequest == nil || e.PullRequest.Number <= 0 || e.Repository == "") {
		t.Fatalf("a pull request without number or repository: %+v", e)
	}
	if e.Kind == scm.KindCheck && (e.Check == nil || e.After == "" || e.Check.Name == "") {
		t.Fatalf("a check without name or commit: %+v", e)
	}
}

// FuzzVerify tries arbitrary signatures and bodies: only the one that the
// secret gives may be valid.
func FuzzVerify(f *testing.F, driver scm.Driver, sign func(h http.Header, body, secret []byte), signature string) {
	secret := []byte("the project's secret")
	right := http.Header{}
	sign(right, []byte("{}"), secret)
	for _, value := range []string{"", "sha256=", "sha1=" + strings.Repeat("0", 40), strings.Repeat("0", 64), right.Get(signature)} {
		f.Add(value, []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, value string, body []byte) {
		want := http.Header{}
		sign(want, body, secret)
		valid := driver.Verify(http.Header{http.CanonicalHeaderKey(signature): {value}}, body, [][]byte{secret}) == nil
		if valid && !strings.EqualFold(value, want.Get(signature)) {
			t.Fatalf("%q is taken for the signature", value)
		}
		if !valid && value == want.Get(signature) {
			t.Fatalf("the right signature %q is refused", value)
		}
	})
}
