package dial_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
)

// A server with a certificate authority of its own is trusted by those who were given
// the authority, and by nobody else; who does not trust it says why.
func TestTrusting(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ask := func(d *dial.Dialer) error {
		response, err := (&http.Client{Transport: d.Transport()}).Get(server.URL)
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	plain := dial.Unrestricted()
	trusting, err := plain.Trusting(authority)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(trusting); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	if why := dial.Untrusted(ask(plain)); !strings.Contains(why, "unknown authority") {
		t.Errorf("without it: %q", why)
	}
	if same, err := plain.Trusting(nil); same != plain || err != nil {
		t.Errorf("without any: %v", err)
	}
	if _, err := plain.Trusting([]byte("no certificate")); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("of nonsense: %v", err)
	}
}
