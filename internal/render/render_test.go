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
	"github.com/slipway-dev/slipway/internal/fault"
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

// overlays are the project's overlay and the stage's, or the last alone.
func overlays(directories ...string) []render.OverlayReference {
	var all []render.OverlayReference
	for i, directory := range directories {
		all = append(all, render.OverlayReference{Directory: directory, Field: []string{"overlay", "stages[0].overlay"}[2-len(directories)+i], Line: 3 + i})
	}
	return all
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
			Security: &project.Security{RunAsUser: ptr(int64(999)), WritableRoot: new(true)},
			Health:   &project.Health{Command: []string{"pg_isready"}},
		},
		"schedule": {Image: "registry.example/report:1.4", Schedule: "0 3 * * *", Command: []string{"./report"}, Env: map[string]string{"TO": "ops@acme.example"}},
		"root":     {Image: "legacy:1", Port: 80, Security: &project.Security{RunAsRoot: true, Capabilities: []string{"NET_BIND_SERVICE", "CHOWN"}, ServiceTokens: true}},
		"readonly": {Image: "web:1", Port: 8080, Security: &project.Security{WritableRoot: ptr(false)}},
		"lowport":  {Image: "nginx:1", Port: 80},
	}
	for name, service := range cases {
		t.Run(name, func(t *testing.T) {
			result := mustRender(t, repository(nil), request(map[string]project.Service{"web": service}))
			golden(t, "service/"+name, result.Manifests)
		})
	}
	for name, level := range map[string]v1alpha1.PodSecurity{
		"minimal-restricted": v1alpha1.PodSecurityRestricted, "volumes-restricted": v1alpha1.PodSecurityRestricted,
		"lowport-restricted": v1alpha1.PodSecurityRestricted, "image-baseline": v1alpha1.PodSecurityBaseline,
	} {
		t.Run(name, func(t *testing.T) {
			service, _, _ := strings.Cut(name, "-")
			req := request(map[string]project.Service{"web": cases[service]})
			req.PodSecurity = level
			golden(t, "service/"+name, mustRender(t, repository(nil), req).Manifests)
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
	req.Overlays = overlays("deploy/overlays/production")
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

func TestRenderGateway(t *testing.T) {
	req := request(map[string]project.Service{"web": {
		Image: "web:1", Port: 8080,
		Routes: []project.Route{{Path: "/"}, {Path: "/api"}, {Path: "/", Host: "shop.acme.example"}},
	}})
	req.Ingress.Gateway = &v1alpha1.GatewayReference{Name: "public", Namespace: "gateways"}
	golden(t, "service/gateway", mustRender(t, repository(nil), req).Manifests)
}

func TestRenderTLS(t *testing.T) {
	req := request(map[string]project.Service{"web": {Image: "web:1", Port: 8080, Routes: []project.Route{{Path: "/"}}}})
	req.Ingress.TLSSecret = "wildcard"
	req.ImagePullSecret = "registry"
	golden(t, "service/tls", mustRender(t, repository(nil), req).Manifests)
}

// TestComponentOverlays puts a project's and a stage's component over a
// service.
func TestComponentOverlays(t *testing.T) {
	const component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
	fsys := repository(map[string]string{
		"project/kustomization.yaml": component + "commonAnnotations: {team: shop}\n",
		"stage/kustomization.yaml":   component + "replicas: [{name: web, count: 4}]\n",
	})
	req := request(map[string]project.Service{"web": {Image: "web:1"}})
	req.Overlays = overlays("project", "stage")
	text := string(mustRender(t, fsys, req).Manifests)
	for _, want := range []string{"team: shop", "replicas: 4"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestWarningsAndRefusals(t *testing.T) {
	noHost := request(map[string]project.Service{"api": {Image: "api:1", Port: 80, Routes: []project.Route{{Path: "/"}}}})
	noHost.Ingress = v1alpha1.Ingress{}
	result := mustRender(t, repository(nil), noHost)
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "service api") || strings.Contains(string(result.Manifests), "Ingress") {
		t.Errorf("warnings %q; want one about the missing host, and no Ingress", result.Warnings)
	}
	cases := map[string]struct {
		service project.Service
		says    string
	}{
		"not built":           {project.Service{Build: &project.Build{}}, "not built yet"},
		"no source":           {project.Service{}, "no source"},
		"bad image":           {project.Service{Image: "a b"}, "no image reference"},
		"routes, no port":     {project.Service{Image: "a:1", Routes: []project.Route{{Path: "/"}}}, "no port"},
		"bad quantity":        {project.Service{Image: "a:1", Resources: project.Resources{CPU: "much"}}, "resources.cpu"},
		"negative quantity":   {project.Service{Image: "a:1", Resources: project.Resources{Memory: "-1Gi"}}, "resources.memory"},
		"bad deadline":        {project.Service{Image: "a:1", Deadline: "soon"}, "deadline"},
		"scale upside down":   {project.Service{Image: "a:1", Scale: &project.Scale{Min: 3, Max: 2}}, "scale from 3 to 2"},
		"port out of range":   {project.Service{Image: "a:1", Port: 70000}, "port main is 70000"},
		"empty release":       {project.Service{Image: "a:1", Release: &project.Hook{}}, "release has no command"},
		"volumes with cron":   {project.Service{Image: "a:1", Schedule: "@daily", Volumes: []project.Volume{{Path: "/a"}}}, "schedule and volumes"},
		"volumes alike":       {project.Service{Image: "a:1", Volumes: []project.Volume{{Path: "/a/b"}, {Path: "/a-b"}}}, "two volumes are called a-b"},
		"unknown template":    {project.Service{Template: "none"}, "no template"},
		"image of a stranger": {project.Service{Image: "slipway.local/other"}, "no such image was built"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := renderAll(t, repository(nil), request(map[string]project.Service{"one": c.service}))
			if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an invalid error that says %q", err, c.says)
			}
		})
	}
}

func BenchmarkShop(b *testing.B) {
	req := request(map[string]project.Service{
		"web":    {Build: &project.Build{Context: "."}, Port: 8080, Routes: []project.Route{{Path: "/"}}, Health: &project.Health{Path: "/healthz"}},
		"worker": {Build: &project.Build{Context: "."}},
		"cache":  {Image: "redis:7.4", Port: 6379},
	})
	req.Images["worker"] = "registry.example/acme/shop/worker" + digest
	req.Overlays = overlays("deploy")
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
