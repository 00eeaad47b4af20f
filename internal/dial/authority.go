package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Trusting returns a dialer whose transports also trust certificate authorities, in
// PEM, besides those of the system. None is none.
func (d *Dialer) Trusting(authorities []byte) (*Dialer, error) {
	if len(authorities) == 0 {
		return d, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool() // a system without any
	}
	if !roots.AppendCertsFromPEM(authorities) {
		return nil, fault.New(fault.Invalid, "the certificate authority holds no certificate in PEM; store what begins with -----BEGIN CERTIFICATE-----")
	}
	trusting := *d
	trusting.roots = roots
	return &trusting, nil
}

// Untrusted returns why a server's certificate is not trusted, in the words of the
// check; empty when an error is about something else.
func Untrusted(err error) string {
	var verification *tls.CertificateVerificationError
	if !errors.As(err, &verification) {
		return ""
	}
	return verification.Err.Error()
}
