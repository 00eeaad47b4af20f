package build

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// pushConfig pushes an image that says something of itself.
func (r *testRegistry) pushConfig(t *testing.T, ref string, config v1.Config) v1.Image {
	t.Helper()
	image, err := random.Image(64, 1)
	if err == nil {
		image, err = mutate.Config(image, config)
	}
	if err == nil {
		err = remote.Write(r.tag(t, ref), image)
	}
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func (r *testRegistry) tag(t *testing.T, ref string) name.Tag {
	t.Helper()
	tag, err := name.NewTag(r.host+"/"+ref, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func set(keys ...string) map[string]struct{} {
	all := map[string]struct{}{}
	for _, key := range keys {
		all[key] = struct{}{}
	}
	return all
}

// numbered returns the texts of the numbers from 1 to n.
func numbered(n int, format string) map[string]struct{} {
	all := map[string]struct{}{}
	for i := range n {
		all[fmt.Sprintf(format, i+1)] = struct{}{}
	}
	return all
}

func portsTo(n int) (all []int32) {
	for i := range n {
		all = append(all, int32(i+1))
	}
	return all
}

func TestConfig(t *testing.T) {
	r := newTestRegistry(t)
	long := strings.Repeat("x", 2000)
	tests := map[string]struct {
		config v1.Config
		want   project.ImageConfig
	}{
		"says nothing": {},
		"a database": {
			v1.Config{User: "999", ExposedPorts: set("5432/tcp", "9000/udp"), Volumes: set("/var/lib/postgresql/data", "/log/")},
			project.ImageConfig{User: "999", Ports: []int32{5432}, Volumes: []string{"/log", "/var/lib/postgresql/data"}},
		},
		"what nobody can use": {
			v1.Config{User: "a\x1b[31m", ExposedPorts: set("0/tcp", "x", "70000", "8000-8010/tcp", "80"), Volumes: set("data", "/", "/a\n", "/"+long, "/../b")},
			project.ImageConfig{Ports: []int32{80}, Volumes: []string{"/b"}},
		},
		"as much as is kept": {
			v1.Config{User: long[:maxImageText], ExposedPorts: numbered(maxImagePorts+1, "%d"), Volumes: numbered(maxImageVolumes+1, "/%03d")},
			project.ImageConfig{User: long[:maxImageText], Ports: portsTo(maxImagePorts), Volumes: slices.Sorted(maps.Keys(numbered(maxImageVolumes, "/%03d")))},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			image := r.pushConfig(t, "library/db:1", test.config)
			client := r.client(t, nil)
			for _, ref := range []string{"db:1", r.host + "/library/db:1"} {
				got, err := client.Config(t.Context(), ref, digestOf(t, image))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", ref, diff)
				}
			}
		})
	}
}

// An index leads to the image of the platform, or to the first for Linux.
func TestConfigOfAnIndex(t *testing.T) {
	r := newTestRegistry(t)
	add := func(user, system, architecture string) mutate.IndexAddendum {
		image := r.pushConfig(t, "library/part:"+user, v1.Config{User: user})
		architecture, variant, _ := strings.Cut(architecture, "/")
		return mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: system, Architecture: architecture, Variant: variant}}}
	}
	for want, parts := range map[string][]mutate.IndexAddendum{
		"2": {add("1", "linux", "arm64"), add("2", "linux", "amd64"), add("3", "windows", "amd64")},
		"4": {add("5", "unknown", "unknown"), add("4", "linux", "arm64"), add("6", "linux", "s390x")},
		"9": {add("8", "linux", "amd64/v3"), add("9", "linux", "amd64")},
		"a": {add("b", "linux", "arm64"), add("a", "linux", "amd64/v2")},
		"":  {add("7", "windows", "amd64")},
	} {
		index := mutate.AppendManifests(empty.Index, parts...)
		if err := remote.WriteIndex(r.tag(t, "library/all:1"), index); err != nil {
			t.Fatal(err)
		}
		digest, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.client(t, nil).Config(t.Context(), r.host+"/library/all:1", digest.String())
		if got.User != want || want == "" && fault.CodeOf(err) != fault.Invalid || want != "" && err != nil {
			t.Errorf("got user %q, %v; want %q", got.User, err, want)
		}
	}
}

// An answer is asked for once, whatever becomes of the registry.
func TestConfigIsRemembered(t *testing.T) {
	r := newTestRegistry(t)
	image := r.pushConfig(t, "library/db:1", v1.Config{User: "7"})
	client := r.client(t, nil)
	gone := http.HandlerFunc(http.NotFound)
	for i := range 2 {
		if got, err := client.Config(t.Context(), "db:1", digestOf(t, image)); err != nil || got.User != "7" {
			t.Errorf("time %d: %v, %v", i, got, err)
		}
		r.veto.Store(&gone)
	}
	if _, err := client.Config(t.Context(), r.host+"/library/db:1", "sha256:"+strings.Repeat("0", 64)); fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), "db:1") {
		t.Errorf("an image that is gone: %v", err)
	}
}

// What is no configuration is refused, however it is wrong.
func TestConfigThatIsNone(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON": "{", "a list": "[]", "another shape": `{"config": {"ExposedPorts": ["80"]}}`,
		"large": `{"x": "` + strings.Repeat("x", maxConfigBytes) + `"}`,
		"deep":  `{"x": ` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		if got, err := parseConfig([]byte(text)); err == nil {
			t.Errorf("%s is read as %v", name, got)
		}
	}
}
