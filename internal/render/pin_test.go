package render_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

const sha = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestPin(t *testing.T) {
	result := mustRender(t, repository(nil), request(map[string]project.Service{
		"cache": {Image: "redis:7.4", Port: 6379, Env: map[string]string{"NOTE": "image: redis:7.4"}},
		"jobs":  {Image: "registry.example/jobs:1", Release: &project.Hook{Command: []string{"migrate"}}},
	}))
	if diff := cmp.Diff([]string{"redis:7.4", "registry.example/jobs:1"}, result.Images); diff != "" {
		t.Fatalf("images (-want +got):\n%s", diff)
	}
	pinned, err := render.Pin(result.Manifests, map[string]string{
		"redis:7.4":               sha,
		"registry.example/jobs:1": "mirror.example/jobs@" + sha,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"- env:\n        - name: NOTE\n          value: 'image: redis:7.4'\n        image: redis:7.4\n", "- env:\n        - name: NOTE\n          value: 'image: redis:7.4'\n        image: redis:7.4@"+sha+"\n",
		"image: registry.example/jobs:1\n", "image: mirror.example/jobs@"+sha+"\n",
		releaseName(t, result.Manifests), releaseName(t, pinned),
	).Replace(string(result.Manifests))
	if diff := cmp.Diff(want, string(pinned)); diff != "" {
		t.Errorf("pinned (-want +got):\n%s", diff)
	}
	if releaseName(t, pinned) == releaseName(t, result.Manifests) {
		t.Error("the release job has another image and the same name")
	}
	again, err := render.Pin(pinned, map[string]string{"redis:7.4": sha})
	if err != nil || !bytes.Equal(again, pinned) {
		t.Errorf("pinning again changes something (%v)", err)
	}
}

func releaseName(t *testing.T, manifests []byte) string {
	t.Helper()
	_, rest, found := strings.Cut(string(manifests), "name: jobs-release-")
	if !found {
		t.Fatal("there is no release job")
	}
	name, _, _ := strings.Cut(rest, "\n")
	return "jobs-release-" + name
}

func TestPinNothing(t *testing.T) {
	for name, manifests := range map[string]string{"empty": "", "no images": "a: 1\n---\nb: 2\n"} {
		got, err := render.Pin([]byte(manifests), map[string]string{"redis:7": sha})
		if err != nil || string(got) != manifests {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}
