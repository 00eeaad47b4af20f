package bundle

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/slipway-dev/slipway/internal/fault"
)

const someManifests = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\n"

func place(t *testing.T, handler http.Handler) Place {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return Place{
		Repository: strings.TrimPrefix(server.URL, "http://") + "/acme/shop/bundles", Insecure: true,
		Credentials: authn.NewMultiKeychain(), Transport: http.DefaultTransport,
	}
}

// pulled fetches a path of a registry's repository as any OCI tool does: with
// plain HTTP.
func pulled(t *testing.T, at Place, path, accept string) (body []byte, mediaType string) {
	t.Helper()
	host, repository, _ := strings.Cut(at.Repository, "/")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+"/v2/"+repository+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v, %s %s", path, err, response.Status, body)
	}
	return body, response.Header.Get("Content-Type")
}

func TestArtifactCanBePulledByOthers(t *testing.T) {
	at := place(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	origin := Origin{Stage: "dev", Commit: strings.Repeat("a", 40), Source: "https://git.example/acme/shop.git"}
	address, err := Push(t.Context(), at, origin, []byte(someManifests))
	if err != nil {
		t.Fatal(err)
	}
	repository, digest, _ := strings.Cut(address, "@")
	if repository != at.Repository {
		t.Errorf("pushed to %s, want %s", repository, at.Repository)
	}
	const oci = "application/vnd.oci.image.manifest.v1+json"
	body, mediaType := pulled(t, at, "/manifests/"+digest, oci)
	var manifest struct {
		MediaType string
		Config    struct{ MediaType string }
		Layers    []struct {
			MediaType, Digest string
			Annotations       map[string]string
		}
		Annotations map[string]string
	}
	if err := json.Unmarshal(body, &manifest); err != nil {
		t.Fatal(err)
	}
	if mediaType != oci || manifest.MediaType != oci || manifest.Config.MediaType != "application/vnd.cncf.flux.config.v1+json" ||
		len(manifest.Layers) != 1 || manifest.Layers[0].MediaType != "application/vnd.cncf.flux.content.v1.tar+gzip" ||
		manifest.Layers[0].Annotations["org.opencontainers.image.title"] == "" {
		t.Fatalf("the manifest is %s", body)
	}
	if got := manifest.Annotations["org.opencontainers.image.revision"]; got != "dev@sha1:"+origin.Commit {
		t.Errorf("revision %q", got)
	}
	layer, _ := pulled(t, at, "/blobs/"+manifest.Layers[0].Digest, "*/*")
	if got := unarchived(t, layer); got != someManifests {
		t.Errorf("the artifact holds %q", got)
	}
	again, err := Push(t.Context(), at, origin, []byte(someManifests))
	if err != nil || again != address {
		t.Errorf("the same manifests again: %v, %s, want %s", err, again, address)
	}
}

// unarchived returns the only file of an artifact.
func unarchived(t *testing.T, layer []byte) string {
	t.Helper()
	plain, err := gzip.NewReader(strings.NewReader(string(layer)))
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(plain)
	header, err := archive.Next()
	if err != nil || header.Name != "manifests.yaml" {
		t.Fatalf("the archive begins with %+v: %v", header, err)
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("the archive holds more: %v", err)
	}
	return string(content)
}

func TestArtifactIsRefused(t *testing.T) {
	closed := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	tests := map[string]struct {
		manifests string
		want      fault.Code
	}{
		"a registry that refuses": {someManifests, fault.Unavailable},
		"a Secret":                {someManifests + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: c}\ndata: {a: aHVudGVyMg==}\n", fault.Denied},
		"a quoted Secret":         {"kind: \"Secret\" # it is\n", fault.Denied},
		"a Secret in flow style":  {"{kind: Secret}\n", fault.Denied},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Push(t.Context(), place(t, closed), Origin{Stage: "dev"}, []byte(test.manifests))
			if fault.CodeOf(err) != test.want || strings.Contains(err.Error(), "aHVudGVyMg") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}
