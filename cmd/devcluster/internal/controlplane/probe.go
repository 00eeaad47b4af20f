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
)

// Prober asks the control plane's programs whether they serve.
type Prober struct {
	client *http.Client
	urls   map[string]string
}

// NewProber reads the administrator's certificate, so certificates must be there.
func NewProber(c Config) (*Prober, error) {
	ca, err := os.ReadFile(c.Authority.CertFile("ca"))
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("read %s: no certificate", c.Authority.CertFile("ca"))
	}
	own, err := tls.LoadX509KeyPair(c.Authority.CertFile("admin"), c.Authority.KeyFile("admin"))
	if err != nil {
		return nil, fmt.Errorf("read administrator's certificate: %w", err)
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	return &Prober{
		client: &http.Client{Transport: transport, Timeout: 5 * time.Second},
		urls: map[string]string{
			Etcd:              fmt.Sprintf("http://127.0.0.1:%d/health", c.EtcdPort),
			APIServer:         c.URL() + "/readyz",
			ControllerManager: fmt.Sprintf("https://127.0.0.1:%d/healthz", c.ControllerManagerPort),
		},
	}, nil
}

// Healthy returns nil when the program of that name answers that it serves.
func (p *Prober) Healthy(ctx context.Context, name string) error {
	url, known := p.urls[name]
	if !known {
		return fmt.Errorf("no health address for %s", name)
	}
	return Get(ctx, p.client, url)
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
