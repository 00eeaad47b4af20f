package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime is that of every certificate: a development cluster is thrown away
// long before.
const lifetime = 10 * 365 * 24 * time.Hour

// Authority signs the certificates of one cluster and keeps them in a folder.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Open loads the authority kept in dir, or makes one.
func Open(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make certificate folder: %w", err)
	}
	authority := &Authority{dir: dir}
	cert, key, err := load(authority.CertFile("ca"), authority.KeyFile("ca"))
	if errors.Is(err, fs.ErrNotExist) {
		cert, key, err = authority.found()
	}
	if err != nil {
		return nil, fmt.Errorf("open certificate authority in %s: %w", dir, err)
	}
	authority.cert, authority.key = cert, key
	return authority, nil
}

// CertFile is where the certificate of that name is; "ca" is the authority's own.
func (a *Authority) CertFile(name string) string { return filepath.Join(a.dir, name+".crt") }

// KeyFile is where its key is.
func (a *Authority) KeyFile(name string) string { return filepath.Join(a.dir, name+".key") }

// Subject is whom a certificate is for. Kubernetes reads User as the user's
// name and Groups as its groups. Hosts make it a server's certificate.
type Subject struct {
	User   string
	Groups []string
	Hosts  []string
}

// Issue makes the certificate and key files of that name unless they exist.
func (a *Authority) Issue(name string, subject Subject) error {
	_, _, err := load(a.CertFile(name), a.KeyFile(name))
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("load certificate %s: %w", name, err)
	}
	template, err := newTemplate(pkix.Name{CommonName: subject.User, Organization: subject.Groups})
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(subject.Hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range subject.Hosts {
		if address := net.ParseIP(host); address != nil {
			template.IPAddresses = append(template.IPAddresses, address)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	if _, _, err := a.sign(name, template, a.cert, a.key); err != nil {
		return fmt.Errorf("issue certificate %s: %w", name, err)
	}
	return nil
}

// found makes the authority's own certificate.
func (a *Authority) found() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	template, err := newTemplate(pkix.Name{CommonName: "slipway-devcluster"})
	if err != nil {
		return nil, nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	return a.sign("ca", template, nil, nil)
}

// sign makes a key for template, signs it with parent (itself when nil), and
// keeps both. The certificate is written last: one that exists has its key.
func (a *Authority) sign(name string, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, fmt.Errorf("sign: %w", err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode key: %w", err)
	}
	if err := writePEM(a.KeyFile(name), "PRIVATE KEY", rawKey); err != nil {
		return nil, nil, err
	}
	if err := writePEM(a.CertFile(name), "CERTIFICATE", der); err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

func newTemplate(name pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		Subject: name, SerialNumber: serial, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(lifetime),
	}, nil
}

func load(certFile, keyFile string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	rawCert, err := readPEM(certFile)
	if err != nil {
		return nil, nil, err
	}
	rawKey, err := readPEM(keyFile)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(rawCert)
	if err != nil {
		return nil, nil, fmt.Errorf("parse %s: %w", certFile, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(rawKey)
	if err != nil {
		return nil, nil, fmt.Errorf("parse %s: %w", keyFile, err)
	}
	ec, is := key.(*ecdsa.PrivateKey)
	if !is {
		return nil, nil, fmt.Errorf("parse %s: %T, want an elliptic-curve key", keyFile, key)
	}
	return cert, ec, nil
}

func readPEM(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("read %s: no PEM block", path)
	}
	return block.Bytes, nil
}

// writePEM replaces the file in one step.
func writePEM(path, kind string, der []byte) error {
	next := path + ".next"
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
