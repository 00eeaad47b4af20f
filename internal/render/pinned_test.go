package render_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/render"
)

func TestPinnedReadsWhatPinWrote(t *testing.T) {
	digest := func(c string) string { return "sha256:" + strings.Repeat(c, 64) }
	manifests := []byte(`apiVersion: v1
kind: ConfigMap
metadata: {name: note}
data: {image: "no@sha256:image"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers: [{name: a, image: "registry.example/tool:2"}]
      containers:
        - {name: b, image: "redis:7.4"}
        - {name: c, image: "registry.example/shop@` + digest("1") + `"}
        - {name: d, image: "registry.example/shop@` + digest("2") + `"}
`)
	want := map[string]string{"registry.example/tool:2": digest("a"), "redis:7.4": digest("b")}
	pinned, err := render.Pin(manifests, want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := render.Pinned(pinned)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
	if got, err := render.Pinned(manifests[:0]); err != nil || len(got) != 0 {
		t.Errorf("of nothing: %v %v", got, err)
	}
	if _, err := render.Pinned([]byte("a: {@sha256:")); err == nil {
		t.Error("broken manifests were read")
	}
}
