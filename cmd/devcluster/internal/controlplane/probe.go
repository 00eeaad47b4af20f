package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/pki"
)

// Prober asks the control plane's programs whether they serve.
type Prober struct {
	targets map[string]target
}

type target struct {
	url    string
	client *http.Client
}

// NewProber reads certificates, so they must have been issued.
func NewProber(c Config) (*Prober, error) {
	store, err := newClient(c.Store, "client")
	if err != nil {
		return nil, err
	}
	admin, err := newClient(c.Authority, "admin")
	if err != nil {
		return nil, err
	}
	return &Prober{targets: map[string]target{
		Etcd:              {fmt.Sprintf("https://127.0.0.1:%d/health", c.EtcdPort), store},
		APIServer:         {c.URL() + "/readyz", admin},
		ControllerManager: {fmt.Sprintf("https://127.0.0.1:%d/healthz", c.ControllerManagerPort), admin},
	}}, nil
}

// newClient trusts the authority's servers and is known to them by the
// certificate of that name.
func newClient(authority *pki.Authority, name string) (*http.Client, error) {
	ca, err := os.ReadFile(authority.CertFile("ca"))
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("read %s: no certificate", authority.CertFile("ca"))
	}
	own, err := tls.LoadX509KeyPair(authority.CertFile(name), authority.KeyFile(name))
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", name, err)
	}
	return &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}}, nil
}

// Healthy returns nil when the program of that name answers that it serves.
func (p *Prober) Healthy(ctx context.Context, name string) error {
	asked, known := p.targets[name]
	if !known {
		return fmt.Errorf("no health address for %s", name)
	}
	return Get(ctx, asked.client, asked.url)
}

// Get returns nil when url answers 200.
func Get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	response, err := client.Do(request)
	if err != nil {
		return err // names method and url already
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read answer of %s: %w", url, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return nil
}
