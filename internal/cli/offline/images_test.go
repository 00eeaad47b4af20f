package offline

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// What a registry says is written to a file, which says the same without it.
func TestImagesAreResolvedAndLocked(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	ref := host + "/acme/db:1"
	tag, err := name.NewTag(ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(64, 1)
	if err == nil {
		image, err = mutate.Config(image, v1.Config{User: "999", ExposedPorts: map[string]struct{}{"5432/tcp": {}}})
	}
	if err == nil {
		err = remote.Write(tag, image)
	}
	if err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "images.yaml")
	asking := Images{resolve: true, lockFile: file}
	if err := asking.load(v1alpha1.Registry{Host: host, Insecure: true}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		if found, err := asking.find(t.Context(), []string{ref}); err != nil || found != want {
			t.Errorf("time %d: found %v, %v", i, found, err)
		}
	}
	if err := asking.write([]string{ref}); err != nil {
		t.Fatal(err)
	}
	locked := Images{given: []string{file}}
	if err := locked.load(v1alpha1.Registry{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]project.ImageConfig{ref: {User: "999", Ports: []int32{5432}}}, locked.configs()); diff != "" {
		t.Errorf("the file says (-want +got):\n%s", diff)
	}
	if !locked.isKnown(ref) || locked.locked[ref].Digest != digest.String() {
		t.Errorf("the digest is %+v, want %s", locked.locked[ref], digest)
	}
}

func TestImagesThatAreNone(t *testing.T) {
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "images.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for name, images := range map[string]Images{
		"no file":          {given: []string{"gone.yaml"}},
		"no lock":          {given: []string{write("a: b\n")}},
		"no digest":        {given: []string{write("images: {'a:1': {digest: latest}}\n")}},
		"a pair by tag":    {given: []string{"web=registry.example/web:1"}},
		"nothing resolved": {lockFile: "x.yaml"},
	} {
		if err := images.load(v1alpha1.Registry{}); err == nil || fault.CodeOf(err) == fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
