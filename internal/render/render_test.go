package render_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

var update = flag.Bool("update", false, "write the golden files")

const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func repository(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return fsys
}

func request(services map[string]project.Service) render.Request {
	return render.Request{
		Organization: "acme",
		Project:      "shop",
		Stage:        "production",
		Commit:       "4f0c1e6f6a1d4b1e8f6c1d2e3f4a5b6c7d8e9f00",
		Services:     services,
		Images:       map[string]string{"web": "registry.example/acme/shop/web" + digest},
		Hosts:        map[string][]string{"web": {"web-production-shop.apps.example"}},
		Ingress:      v1alpha1.Ingress{Class: "public", Domain: "apps.example"},
	}
}

func renderAll(t testing.TB, fsys fs.FS, req render.Request) (render.Result, error) {
	t.Helper()
	files, err := render.Collect(context.Background(), fsys, req, render.DefaultLimits())
	if err != nil {
		return render.Result{}, err
	}
	return render.Render(context.Background(), req, files)
}

func mustRender(t testing.TB, fsys fs.FS, req render.Request) render.Result {
	t.Helper()
	result, err := renderAll(t, fsys, req)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// golden compares with testdata/<name>.yaml.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".yaml")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func ptr[T any](v T) *T { return &v }

func TestRenderServices(t *testing.T) {
	web := project.Service{Build: &project.Build{Context: "web"}, Port: 8080, Routes: []project.Route{{Path: "/"}}}
	cases := map[string]project.Service{
		"minimal": web,
		"image":   {Image: "redis:7.4", Port: 6379},
		"full": {
			Build: &project.Build{Context: "web"}, Command: []string{"./web"}, Args: []string{"-v"},
			Port: 8080, Ports: map[string]int32{"metrics": 9090, "admin": 8081},
			Routes:    []project.Route{{Path: "/"}, {Path: "/api"}, {Path: "/", Host: "shop.acme.example"}},
			Health:    &project.Health{Path: "/healthz", InitialDelay: 2},
			Scale:     &project.Scale{Min: 3, Max: 12, CPU: 70},
			Resources: project.Resources{CPU: "250m", Memory: "256Mi"},
			Env:       map[string]string{"LOG_LEVEL": "info", "A": "1"},
			Secrets:   []string{"stripe"},
			Release:   &project.Hook{Command: []string{"./migrate", "up"}},
			Deadline:  "5m",
		},
		"volumes": {
			Image: "postgres:15", Port: 5432, Volumes: []project.Volume{{Path: "/var/lib/postgresql/data", Size: "5Gi"}, {Path: "/backup", Size: "1Gi", Name: "backup"}},
			Security: &project.Security{RunAsUser: ptr(int64(999)), WritableRoot: true},
			Health:   &project.Health{Command: []string{"pg_isready"}},
		},
		"schedule": {Image: "registry.example/report:1.4", Schedule: "0 3 * * *", Command: []string{"./report"}, Env: map[string]string{"TO": "ops@acme.example"}},
		"root":     {Image: "legacy:1", Port: 80, Security: &project.Security{RunAsRoot: true, Capabilities: []string{"NET_BIND_SERVICE", "CHOWN"}, ServiceTokens: true}},
		"lowport":  {Image: "nginx:1", Port: 80},
	}
	for name, service := range cases {
		t.Run(name, func(t *testing.T) {
			result := mustRender(t, repository(nil), request(map[string]project.Service{"web": service}))
			golden(t, "service/"+name, result.Manifests)
		})
	}
}

func TestRenderOverlay(t *testing.T) {
	fsys := repository(map[string]string{
		"deploy/raw/kustomization.yaml": "resources: [config.yaml]\nconfigMapGenerator:\n- name: feature\n  literals: [a=b]\n",
		"deploy/raw/config.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: raw, namespace: elsewhere}\ndata: {a: \"1\"}\n",
		"deploy/overlays/production/kustomization.yaml": `# the team's own overlay
resources:
- extra.yaml
patches:
- path: web.yaml
- target: {kind: ConfigMap, name: raw}
  patch: |
    - op: replace
      path: /data/a
      value: "2"
replicas:
- {name: web, count: 7}
images:
- {name: redis, newTag: "8"}
configMapGenerator:
- name: feature
  behavior: merge
  literals: [c=d]
`,
		"deploy/overlays/production/web.yaml":   "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        env: [{name: EXTRA, value: \"yes\"}]\n",
		"deploy/overlays/production/extra.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {image: slipway.local/web}\n---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec:\n  schedule: '0 1 * * *'\n  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: nightly, image: slipway.local/web}]}}}}\n",
	})
	req := request(map[string]project.Service{
		"web":   {Build: &project.Build{Context: "."}, Port: 8080, Routes: []project.Route{{Path: "/"}}},
		"cache": {Image: "redis:7.4", Port: 6379},
		"raw":   {Kustomize: "deploy/raw"},
	})
	req.Overlay = "deploy/overlays/production"
	result := mustRender(t, fsys, req)
	golden(t, "overlay/production", result.Manifests)
	if diff := cmp.Diff([]string{"redis:8"}, result.Images); diff != "" {
		t.Errorf("images without digest (-want +got):\n%s", diff)
	}
	again := mustRender(t, fsys, req)
	if !bytes.Equal(result.Manifests, again.Manifests) {
		t.Error("rendering twice gave different bytes")
	}
}

func BenchmarkShop(b *testing.B) {
	req := request(map[string]project.Service{
		"web":    {Build: &project.Build{Context: "."}, Port: 8080, Routes: []project.Route{{Path: "/"}}, Health: &project.Health{Path: "/healthz"}},
		"worker": {Build: &project.Build{Context: "."}},
		"cache":  {Image: "redis:7.4", Port: 6379},
	})
	req.Images["worker"] = "registry.example/acme/shop/worker" + digest
	req.Overlay = "deploy"
	fsys := repository(map[string]string{
		"deploy/kustomization.yaml": "patches:\n- path: web.yaml\n",
		"deploy/web.yaml":           "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n",
	})
	for b.Loop() {
		mustRender(b, fsys, req)
	}
}

func BenchmarkObjects500(b *testing.B) {
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d%d}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - name: web\n        image: web:1\n        env: [{name: A, value: b}]\n", i)
	}
	fsys := repository(map[string]string{"raw/kustomization.yaml": "resources: [all.yaml]\n", "raw/all.yaml": text.String()})
	for b.Loop() {
		mustRender(b, fsys, request(map[string]project.Service{"raw": {Kustomize: "raw"}}))
	}
}
