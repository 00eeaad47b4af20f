package stand

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// maxPage bounds what is read of a page.
const maxPage = 1 << 20

// Project is a project to register.
type Project struct {
	Organization string
	Name         string
	Path         string // owner/name at the forge
	URL          string // clone URL
	API          string // the forge's API
	Token        string
	Secret       string // of webhooks
}

// Hook is where the forge delivers to.
func (s *Stand) Hook(p Project) string {
	return "http://" + SlipwayHost + ":" + strconv.Itoa(s.state.IngressPort) + "/hooks/" + p.Organization + "/" + p.Name
}

// Register makes the organization, its cluster and the project, as the README
// tells a platform team to.
func (s *Stand) Register(ctx context.Context, p Project) error {
	if err := s.Apply(ctx, document(map[string]any{
		"apiVersion": "slipway.dev/v1alpha1", "kind": "Organization", "metadata": map[string]any{"name": p.Organization},
	})); err != nil {
		return err
	}
	namespace := "slipway-org-" + p.Organization
	err := Poll(ctx, 30*time.Second, func(ctx context.Context) (bool, error) {
		out, err := s.Kubectl(ctx, "get", "organization", p.Organization, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		return out == "True", err
	})
	if err != nil {
		return fmt.Errorf("wait for organization %s: %w", p.Organization, err)
	}
	in := func(name string) map[string]any { return map[string]any{"name": name, "namespace": namespace} }
	return s.Apply(ctx, document(
		map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": in(p.Name + "-forge"),
			"stringData": map[string]any{"token": p.Token},
		},
		map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": in(p.Name + "-webhook"),
			"stringData": map[string]any{"secret": p.Secret},
		},
		map[string]any{
			"apiVersion": "slipway.dev/v1alpha1", "kind": "Cluster", "metadata": in("here"),
			"spec": map[string]any{
				"ingress": map[string]any{"class": "skipper", "domain": "localhost", "scheme": "http", "port": s.state.IngressPort},
				"registry": map[string]any{
					"host": s.Registry(), "insecure": true, "mirrors": []any{s.Registry()}, "shared": []any{"library"},
				},
				"builds": map[string]any{"networks": []any{s.Bridge() + "/32"}},
			},
		},
		map[string]any{
			"apiVersion": "slipway.dev/v1alpha1", "kind": "Project", "metadata": in(p.Name),
			"spec": map[string]any{
				"cluster": "here",
				"repositories": []any{map[string]any{
					"name": "main", "forge": "github", "path": p.Path, "url": p.URL, "api": p.API,
					"credentials": map[string]any{"name": p.Name + "-forge"},
				}},
				"webhook": map[string]any{"secret": map[string]any{"name": p.Name + "-webhook"}},
			},
		},
	))
}

// document writes objects as YAML documents.
func document(objects ...map[string]any) string {
	var text strings.Builder
	for _, object := range objects {
		data, err := yaml.Marshal(object)
		if err != nil {
			panic(err) // maps of strings always marshal
		}
		text.WriteString("---\n")
		text.Write(data)
	}
	return text.String()
}

// Client returns an HTTP client that knows that every name below localhost is
// this machine (RFC 6761), as browsers and curl do.
func Client() *http.Client {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err == nil && strings.HasSuffix(host, ".localhost") {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return dialer.DialContext(ctx, network, address)
		}},
	}
}

// Get asks the ingress for a page of a host.
func (s *Stand) Get(ctx context.Context, host, path string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Ingress()+path, nil)
	if err != nil {
		return 0, "", fmt.Errorf("get %s%s: %w", host, path, err)
	}
	request.Host = host
	response, err := Client().Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("get %s%s: %w", host, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	return response.StatusCode, string(body), err
}
