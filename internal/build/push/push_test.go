package push

import (
	"archive/tar"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-dev/slipway/internal/build"
	"github.com/slipway-dev/slipway/internal/fault"
)

// startRegistry runs a registry that asks for a user's password when user is
// set, and returns its host.
func startRegistry(t *testing.T, user string) string {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		switch {
		case user == "" || name == user && password == "right":
			inner.ServeHTTP(w, r)
		case name == "reader":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func credentials(t *testing.T, host, user, password string) build.Credentials {
	t.Helper()
	data, err := json.Marshal(map[string]any{"auths": map[string]any{host: map[string]string{"username": user, "password": password}}})
	if err != nil {
		t.Fatal(err)
	}
	creds, err := build.ParseCredentials(data)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

// writeImage writes an image as an executor does and returns the file.
func writeImage(t *testing.T, image v1.Image) string {
	t.Helper()
	tag, err := name.NewTag("unset/unset:latest")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(path, tag, image); err != nil {
		t.Fatal(err)
	}
	return path
}

func randomImage(t *testing.T, layers int64) v1.Image {
	t.Helper()
	image, err := random.Image(1024, layers)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestPush(t *testing.T) {
	tests := map[string]struct {
		image v1.Image
		user  string
	}{
		"open registry":     {randomImage(t, 3), ""},
		"with credentials":  {randomImage(t, 1), "slipway"},
		"without any layer": {empty.Image, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			host := startRegistry(t, test.user)
			digestFile := filepath.Join(t.TempDir(), "digest")
			options := Options{
				Credentials: credentials(t, host, "slipway", "right"),
				Insecure:    true,
				DigestFile:  digestFile,
			}
			ref := host + "/acme/shop:" + strings.Repeat("a", 64)
			digest, err := Push(t.Context(), writeImage(t, test.image), ref, options)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(digestFile); err != nil || string(got) != digest {
				t.Errorf("digest file holds %q, %v; want %q", got, err, digest)
			}
			pulled := pull(t, ref, options.Credentials)
			if got, err := pulled.Digest(); err != nil || got.String() != digest {
				t.Errorf("registry has %v, %v; want %s", got, err, digest)
			}
			sameLayers(t, test.image, pulled)
			if again, err := Push(t.Context(), writeImage(t, test.image), ref, options); err != nil || again != digest {
				t.Errorf("second push: %s, %v; want %s", again, err, digest)
			}
		})
	}
}

func pull(t *testing.T, ref string, creds build.Credentials) v1.Image {
	t.Helper()
	tag, err := name.NewTag(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(tag, remote.WithAuthFromKeychain(creds))
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func sameLayers(t *testing.T, a, b v1.Image) {
	t.Helper()
	first, err := a.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if len(first.RootFS.DiffIDs) != len(second.RootFS.DiffIDs) {
		t.Fatalf("%d layers, want %d", len(second.RootFS.DiffIDs), len(first.RootFS.DiffIDs))
	}
	for i, id := range first.RootFS.DiffIDs {
		if second.RootFS.DiffIDs[i] != id {
			t.Errorf("layer %d is %s, want %s", i, second.RootFS.DiffIDs[i], id)
		}
	}
}

func TestPushErrors(t *testing.T) {
	const secret = "wrong-password"
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}))
	t.Cleanup(full.Close)
	guarded := startRegistry(t, "slipway")
	tests := map[string]struct {
		host     string
		user     string
		insecure bool
		want     fault.Code
		says     string
	}{
		"wrong password":     {guarded, "slipway", true, fault.Denied, "denied the push"},
		"may only read":      {guarded, "reader", true, fault.Denied, "denied the push"},
		"too large":          {strings.TrimPrefix(full.URL, "http://"), "x", true, fault.Invalid, "too large"},
		"not reachable":      {strings.TrimPrefix(closed.URL, "http://"), "x", true, fault.Unavailable, "cannot be reached"},
		"plain HTTP not set": {guarded, "slipway", false, fault.Denied, "no plain HTTP"},
		"no image reference": {"HOST IN CAPITALS", "x", true, fault.Invalid, "no image reference"},
		"registry left out":  {"", "x", true, fault.Invalid, "no image reference"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			digestFile := filepath.Join(t.TempDir(), "digest")
			_, err := Push(t.Context(), writeImage(t, randomImage(t, 1)), test.host+"/acme/shop:1", Options{
				Credentials: credentials(t, test.host, test.user, secret),
				Insecure:    test.insecure,
				DigestFile:  digestFile,
			})
			if fault.CodeOf(err) != test.want || !strings.Contains(fault.MessageOf(err), test.says) {
				t.Fatalf("error %v has code %q, want %q and %q", err, fault.CodeOf(err), test.want, test.says)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("error holds the password: %v", err)
			}
			if _, err := os.Stat(digestFile); !os.IsNotExist(err) {
				t.Errorf("a digest was written: %v", err)
			}
		})
	}
}

// The build wrote the file, so anything may be there.
func TestHostileFiles(t *testing.T) {
	manifest := func(config string, count int) []byte {
		images := make([]map[string]any, count)
		for i := range images {
			images[i] = map[string]any{"Config": config, "Layers": []string{}}
		}
		data, err := json.Marshal(images)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	type file struct {
		name string
		kind byte
		size int64
		data []byte
	}
	archives := map[string][]file{
		"no archive":      nil,
		"no manifest":     {{"x", tar.TypeReg, 1, []byte("x")}},
		"no images":       {{"manifest.json", tar.TypeReg, 2, []byte("[]")}},
		"null":            {{"manifest.json", tar.TypeReg, 4, []byte("null")}},
		"two images":      {{"manifest.json", tar.TypeReg, 0, manifest("c", 2)}},
		"link":            {{"manifest.json", tar.TypeSymlink, 0, nil}},
		"no config":       {{"manifest.json", tar.TypeReg, 0, manifest("c", 1)}},
		"broken config":   {{"manifest.json", tar.TypeReg, 0, manifest("c", 1)}, {"c", tar.TypeReg, 0, []byte("{")}},
		"huge manifest":   {{"manifest.json", tar.TypeReg, maxMetadata + 1, nil}},
		"huge config":     {{"manifest.json", tar.TypeReg, 0, manifest("./c", 1)}, {"c", tar.TypeReg, maxMetadata + 1, nil}},
		"too many things": make([]file, maxEntries+1),
	}
	for name, files := range archives {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "image.tar")
			out, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			archive := tar.NewWriter(out)
			for _, f := range files {
				if f.kind == 0 {
					f = file{"manifest.json", tar.TypeReg, 0, manifest("c", 1)}
				}
				size := max(f.size, int64(len(f.data)))
				header := &tar.Header{Name: f.name, Typeflag: f.kind, Size: size}
				if f.kind == tar.TypeSymlink {
					header.Linkname = f.name
				}
				if err := archive.WriteHeader(header); err != nil {
					t.Fatal(err)
				}
				if _, err := archive.Write(append(f.data, make([]byte, size-int64(len(f.data)))...)); err != nil {
					t.Fatal(err)
				}
			}
			if err := archive.Close(); err != nil {
				t.Fatal(err)
			}
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Push(t.Context(), path, "127.0.0.1:1/a/b:1", Options{Insecure: true}); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("error %v, want invalid", err)
			}
		})
	}
}

func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	whole := writeImage(t, randomImage(t, 1))
	link, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := os.Symlink(whole, link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"missing": filepath.Join(dir, "no"), "directory": dir, "link": link, "pipe": pipe} {
		if _, err := Push(t.Context(), path, "127.0.0.1:1/a/b:1", Options{Insecure: true}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

func TestDigestThatCannotBeWritten(t *testing.T) {
	host := startRegistry(t, "")
	_, err := Push(t.Context(), writeImage(t, randomImage(t, 1)), host+"/a/b:1", Options{Insecure: true, DigestFile: filepath.Join(t.TempDir(), "no", "digest")})
	if fault.CodeOf(err) != fault.Internal {
		t.Errorf("error %v, want internal", err)
	}
}
