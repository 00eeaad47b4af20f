package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	authority, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

func issued(t *testing.T, authority *Authority, name string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(authority.CertFile(name), authority.KeyFile(name))
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

func TestIssue(t *testing.T) {
	dir := t.TempDir()
	authority := open(t, dir)
	subject := Subject{User: "system:node:one", Groups: []string{"system:nodes"}, Hosts: []string{"127.0.0.1", "localhost"}}
	if err := authority.Issue("server", subject); err != nil {
		t.Fatal(err)
	}
	if err := authority.Issue("client", Subject{User: "somebody"}); err != nil {
		t.Fatal(err)
	}
	server, client := issued(t, authority, "server"), issued(t, authority, "client")
	roots := x509.NewCertPool()
	roots.AddCert(issued(t, authority, "ca"))
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if _, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("verify for %s: %v", host, err)
		}
	}
	if _, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: "10.0.0.1"}); err == nil {
		t.Error("valid for a host that wasn't asked for")
	}
	if _, err := client.Verify(x509.VerifyOptions{Roots: roots}); err == nil {
		t.Error("a client's certificate passes as a server's")
	}
	if server.Subject.CommonName != subject.User || !cmp.Equal(server.Subject.Organization, subject.Groups) {
		t.Errorf("subject %v, want %v", server.Subject, subject)
	}
	info, err := os.Stat(authority.KeyFile("server"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key's mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestEverythingIsKept(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if err := first.Issue("one", Subject{User: "one"}); err != nil {
		t.Fatal(err)
	}
	before := issued(t, first, "one")
	second := open(t, dir)
	if err := second.Issue("one", Subject{User: "one"}); err != nil {
		t.Fatal(err)
	}
	if !before.Equal(issued(t, second, "one")) || !first.cert.Equal(second.cert) {
		t.Error("opening again made other certificates")
	}
}

func TestDamagedCertificateIsAnError(t *testing.T) {
	dir := t.TempDir()
	authority := open(t, dir)
	if err := os.WriteFile(authority.CertFile("ca"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("opened, want an error: other certificates were signed by the lost one")
	}
}

func TestKubeconfig(t *testing.T) {
	authority := open(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := authority.Kubeconfig("admin", Subject{User: "admin"}, "https://127.0.0.1:1", path); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://127.0.0.1:1" {
		t.Errorf("host %s", config.Host)
	}
	if _, err := tls.X509KeyPair(config.CertData, config.KeyData); err != nil {
		t.Errorf("certificate and key: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}
