package wire_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

// A git server with a certificate authority of its own is reached by the repository
// that names the authority; another says why it is not.
func TestAuthorityOfAServer(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	client := wire.NewClient(t.TempDir(), git.DefaultLimits(), dial.Unrestricted())
	defer client.Close()
	tests := map[string]struct {
		authority []byte
		code      fault.Code
		words     string
	}{
		"named":     {authority, fault.NotFound, "doesn't exist"}, // the server was asked
		"not named": {nil, fault.Unavailable, "the server's certificate is not trusted: x509: certificate signed by unknown authority; give its authority as ca of the repository"},
		"nonsense":  {[]byte("x"), fault.Invalid, "no certificate in PEM"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			remote := git.Remote{URL: server.URL + "/acme/shop.git", Authority: tt.authority}
			where, session, err := client.Open(remote)
			if err == nil {
				_, err = wire.List(t.Context(), session, remote, 10)
				err = wire.Fault(t.Context(), where, err)
			}
			if fault.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.words) {
				t.Errorf("%s: %v, want %s, %q", fault.CodeOf(err), err, tt.code, tt.words)
			}
		})
	}
}
