package kubetest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Storage is what the API server keeps objects in. What is written to it passes no
// admission, no validation and no defaults, so it must be as the API server would
// have kept it, with UID and creation time. It is for measurements with more
// objects than the API server makes in a quarter of an hour.
type Storage struct {
	url  string
	http *http.Client
}

// maxWrites is how many objects one transaction writes; etcd takes 128, and 1.5 MiB.
const maxWrites = 64

// Storage returns the control plane's storage.
func (p *ControlPlane) Storage() (*Storage, error) {
	var state struct {
		Ports map[string]int `json:"ports"`
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "state.json"))
	if err == nil {
		err = json.Unmarshal(text, &state)
	}
	if err != nil {
		return nil, fmt.Errorf("read where the storage is: %w", err)
	}
	keys := filepath.Join(p.dir, "pki", "etcd")
	pair, err := tls.LoadX509KeyPair(filepath.Join(keys, "client.crt"), filepath.Join(keys, "client.key"))
	if err != nil {
		return nil, fmt.Errorf("read the storage's client certificate: %w", err)
	}
	authority, err := os.ReadFile(filepath.Join(keys, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the storage's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("the storage's authority is no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS13}}
	return &Storage{url: fmt.Sprintf("https://127.0.0.1:%d", state.Ports["etcd"]), http: &http.Client{Transport: transport, Timeout: time.Minute}}, nil
}

// Close ends the connections.
func (s *Storage) Close() { s.http.CloseIdleConnections() }

// put is one object to write. JSON has its bytes in base64, as etcd wants them.
type put struct {
	Request struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
	} `json:"requestPut"`
}

// Write writes custom resources of one group and resource, such as "slipway.dev" and
// "releases", each with its apiVersion and kind.
func (s *Storage) Write(ctx context.Context, group, resource string, objects ...client.Object) error {
	for len(objects) > 0 {
		n := min(maxWrites, len(objects))
		puts := make([]put, n)
		for i, object := range objects[:n] {
			value, err := json.Marshal(object)
			if err != nil {
				return fmt.Errorf("encode %s: %w", object.GetName(), err)
			}
			puts[i].Request.Key = []byte(path.Join("/registry", group, resource, object.GetNamespace(), object.GetName()))
			puts[i].Request.Value = value
		}
		if err := s.transact(ctx, puts); err != nil {
			return fmt.Errorf("write %s to the storage: %w", resource, err)
		}
		objects = objects[n:]
	}
	return nil
}

func (s *Storage) transact(ctx context.Context, puts []put) error {
	body, err := json.Marshal(map[string]any{"success": puts})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v3/kv/txn", bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	var answer struct {
		Succeeded bool `json:"succeeded"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || response.StatusCode != http.StatusOK || !answer.Succeeded {
		return fmt.Errorf("%s: %.300s", response.Status, text)
	}
	return nil
}
