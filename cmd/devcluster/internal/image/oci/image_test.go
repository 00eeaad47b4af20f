package oci

import (
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func layer(t *testing.T, files map[string]string) *Layer {
	t.Helper()
	tree := NewTree()
	for name, content := range files {
		must(t, tree.AddBytes(name, 0o644, []byte(content)))
	}
	made, err := WriteLayer(filepath.Join(t.TempDir(), "layer.tar.gz"), tree)
	must(t, err)
	return made
}

func config(t *testing.T, image v1.Image) v1.Config {
	t.Helper()
	file, err := image.ConfigFile()
	must(t, err)
	return file.Config
}

func TestAssembledImageIsValidAndStable(t *testing.T) {
	var digests []string
	for range 2 {
		image, err := Assemble(nil, Config{Entrypoint: []string{"/app"}, Env: []string{"A=1"}, User: "1:1"},
			layer(t, map[string]string{"/app": "one", "/etc/x": "two"}), layer(t, map[string]string{"/b": "three"}))
		must(t, err)
		if err := validate.Image(image); err != nil {
			t.Errorf("image: %v", err)
		}
		manifest, err := image.Manifest()
		must(t, err)
		for _, layer := range manifest.Layers {
			if layer.MediaType != types.OCILayer {
				t.Errorf("layer has media type %s", layer.MediaType)
			}
		}
		if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON {
			t.Errorf("media types %s and %s", manifest.MediaType, manifest.Config.MediaType)
		}
		digest, err := image.Digest()
		must(t, err)
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("the same files gave %v", digests)
	}
}

func TestConfigOverBase(t *testing.T) {
	base := Config{
		Entrypoint: []string{"/old"}, Cmd: []string{"old"}, Env: []string{"PATH=/bin", "KEEP=1"}, User: "1",
		WorkingDir: "/w", Labels: map[string]string{"a": "1", "b": "2"}, Ports: []string{"80/tcp"}, Volumes: []string{"/v"}, StopSignal: "SIGINT",
	}
	for name, test := range map[string]struct {
		over Config
		want func(*v1.Config)
	}{
		"nothing": {Config{}, func(*v1.Config) {}},
		"entrypoint drops cmd": {Config{Entrypoint: []string{"/new"}}, func(c *v1.Config) {
			c.Entrypoint, c.Cmd = []string{"/new"}, nil
		}},
		"cmd alone": {Config{Cmd: []string{"new"}}, func(c *v1.Config) { c.Cmd = []string{"new"} }},
		"env by name": {Config{Env: []string{"NEW=x", "PATH=/sbin"}}, func(c *v1.Config) {
			c.Env = []string{"PATH=/sbin", "KEEP=1", "NEW=x"}
		}},
		"labels by key": {Config{Labels: map[string]string{"b": "3"}}, func(c *v1.Config) {
			c.Labels = map[string]string{"a": "1", "b": "3"}
		}},
		"the rest": {Config{User: "2", WorkingDir: "/x", Ports: []string{"81/tcp"}, Volumes: []string{"/u"}, StopSignal: "SIGTERM"}, func(c *v1.Config) {
			c.User, c.WorkingDir, c.StopSignal = "2", "/x", "SIGTERM"
			c.ExposedPorts = map[string]struct{}{"80/tcp": {}, "81/tcp": {}}
			c.Volumes = map[string]struct{}{"/v": {}, "/u": {}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			under, err := Assemble(nil, base, layer(t, map[string]string{"/a": "a"}))
			must(t, err)
			file, err := under.ConfigFile()
			must(t, err)
			want := file.DeepCopy().Config
			test.want(&want)
			over, err := Assemble(under, test.over)
			must(t, err)
			if diff := cmp.Diff(want, config(t, over)); diff != "" {
				t.Errorf("configuration (-want +got):\n%s", diff)
			}
		})
	}
}

func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestPushSendsOnce(t *testing.T) {
	host := serve(t)
	image, err := Assemble(nil, Config{}, layer(t, map[string]string{"/a": "a"}))
	must(t, err)
	for _, want := range []bool{true, false} {
		digest, sent, err := Push(t.Context(), image, host+"/library/a:1", true)
		must(t, err)
		if sent != want {
			t.Errorf("sent: got %t, want %t", sent, want)
		}
		pulled, err := Pull(t.Context(), host+"/library/a:1", true)
		must(t, err)
		got, err := pulled.Digest()
		must(t, err)
		if got != digest {
			t.Errorf("pushed %s, pulled %s", digest, got)
		}
	}
	other, err := Assemble(nil, Config{}, layer(t, map[string]string{"/a": "b"}))
	must(t, err)
	if _, sent, err := Push(t.Context(), other, host+"/library/a:1", true); err != nil || !sent {
		t.Errorf("another image under the same tag: sent %t, error %v", sent, err)
	}
}

func TestPushErrorsNameTheReference(t *testing.T) {
	image, err := Assemble(nil, Config{}, layer(t, map[string]string{"/a": "a"}))
	must(t, err)
	for name, ref := range map[string]string{"not a reference": "UPPER CASE", "nobody there": "127.0.0.1:1/a:1"} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Push(t.Context(), image, ref, true); err == nil || !strings.Contains(err.Error(), ref) {
				t.Errorf("got %v, want an error that names %s", err, ref)
			}
		})
	}
}
