package release_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/guard/guardtest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// door is a way for a repository to say what a pod is: files, and a service of
// slipway.yaml.
type door struct {
	service project.Service
	files   func(deployment, patch string) map[string]string
}

// doors are all of them. What Slipway makes itself is changed by an overlay; the
// rest is the author's own text.
func doors() map[string]door {
	patched := func(deployment, patch string) map[string]string {
		return map[string]string{"deploy/kustomization.yaml": "patches: [{path: web.yaml}]\n", "deploy/web.yaml": patch}
	}
	return map[string]door{
		"build":    {project.Service{Build: &project.Build{Context: "."}}, patched},
		"image":    {project.Service{Image: "registry.example/acme/web:1"}, patched},
		"template": {project.Service{Template: "redis"}, patched},
		"compose": {project.Service{Compose: &project.Compose{File: "compose.yaml"}}, func(deployment, patch string) map[string]string {
			files := patched(deployment, patch)
			files["compose.yaml"] = "services: {web: {image: \"registry.example/acme/web:1\"}}\n"
			return files
		}},
		"kustomize": {project.Service{Kustomize: "raw"}, func(deployment, _ string) map[string]string {
			return map[string]string{"raw/kustomization.yaml": "resources: [web.yaml]\n", "raw/web.yaml": deployment}
		}},
		"helm": {project.Service{Helm: &project.Helm{Chart: "chart"}}, func(deployment, _ string) map[string]string {
			return map[string]string{"chart/Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\n", "chart/templates/web.yaml": deployment}
		}},
		"overlay": {project.Service{Image: "registry.example/acme/other:1"}, func(deployment, _ string) map[string]string {
			return map[string]string{"deploy/kustomization.yaml": "resources: [web.yaml]\n", "deploy/web.yaml": deployment}
		}},
	}
}

// manifestsOf returns what guard sees of a repository.
func manifestsOf(t *testing.T, name string, d door, files map[string]string, at release.Place) []byte {
	t.Helper()
	fsys := fstest.MapFS{}
	for path, text := range files {
		fsys[path] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	service := map[string]string{"overlay": "other"}[name]
	if service == "" {
		service = "web"
	}
	request := render.Request{
		Organization: at.Organization, Project: at.Project, Stage: at.Stage, Namespace: at.Namespace, PodSecurity: at.Policy.PodSecurity,
		Services: map[string]project.Service{service: d.service}, Images: map[string]string{},
		ServiceTokens: at.Policy.Allows(v1alpha1.PermissionServiceTokens),
	}
	if d.service.Build != nil {
		request.Images["web"] = guardtest.Image
	}
	if _, overlaid := files["deploy/kustomization.yaml"]; overlaid {
		request.Overlays = []render.OverlayReference{{Directory: "deploy"}}
	}
	result, err := renderAll(t.Context(), fsys, request)
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{}
	for _, image := range result.Images {
		digests[image] = guardtest.Image[strings.Index(guardtest.Image, "sha256:"):]
	}
	manifests, err := render.Pin(result.Manifests, digests)
	if err != nil {
		t.Fatal(err)
	}
	return manifests
}

func renderAll(ctx context.Context, fsys fs.FS, request render.Request) (render.Result, error) {
	collected, err := render.Collect(ctx, fsys, request, render.DefaultLimits())
	if err != nil {
		return render.Result{}, fmt.Errorf("collect: %w", err)
	}
	return render.Render(ctx, request, collected)
}

// placeOf returns a place with a policy.
func placeOf(grant func(*v1alpha1.ClusterPolicy)) release.Place {
	var policy v1alpha1.ClusterPolicy
	if grant != nil {
		grant(&policy)
	}
	return release.Place{
		Organization: "acme", Project: "shop", Stage: "dev", Namespace: naming.Namespace("acme", "shop", "dev"),
		Policy: policy.For(v1alpha1.ProjectPolicy{}), Registry: guardtest.Registry(),
	}
}

// What no pod may have no source gets past guard; what the platform team allows,
// every source does.
func TestAttemptsThroughEveryDoor(t *testing.T) {
	attempts := guardtest.Attempts()
	if len(attempts) < 50 {
		t.Fatalf("only %d attempts", len(attempts))
	}
	for _, name := range slices.Sorted(maps.Keys(attempts)) {
		attempt := attempts[name]
		deployment, err := attempt.Deployment()
		if err != nil {
			t.Fatal(err)
		}
		patch, err := attempt.Patch()
		if err != nil {
			t.Fatal(err)
		}
		for through, d := range doors() {
			t.Run(name+"/"+through, func(t *testing.T) {
				files := d.files(deployment, patch)
				at := placeOf(nil)
				if !refuses(t, manifestsOf(t, through, d, files, at), at, attempt) {
					t.Errorf("guard does not refuse %s by rule %s", attempt.Field, attempt.Rule)
				}
				if attempt.Grant == nil {
					return
				}
				at = placeOf(attempt.Grant)
				findings, err := guard.Check(manifestsOf(t, through, d, files, at), release.Policy(at))
				if err != nil || len(findings) > 0 {
					t.Errorf("where it is granted: %v %v", findings, err)
				}
			})
		}
	}
}

// refuses reports whether guard names the attempt's rule and field.
func refuses(t *testing.T, manifests []byte, at release.Place, attempt guardtest.Attempt) bool {
	t.Helper()
	findings, err := guard.Check(manifests, release.Policy(at))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(findings, func(f guard.Finding) bool {
		return f.Object == "Deployment/web" && f.Rule == attempt.Rule && strings.HasPrefix(f.Field, "spec.template.") && strings.Contains(f.Field, attempt.Field) && f.Message != ""
	})
}

// Through every door, a pod that asks for nothing is let through.
func TestNoAttempt(t *testing.T) {
	for through, d := range doors() {
		t.Run(through, func(t *testing.T) {
			deployment, err := guardtest.Attempt{}.Deployment()
			if err != nil {
				t.Fatal(err)
			}
			patch, err := guardtest.Attempt{}.Patch()
			if err != nil {
				t.Fatal(err)
			}
			at := placeOf(nil)
			findings, err := guard.Check(manifestsOf(t, through, d, d.files(deployment, patch), at), release.Policy(at))
			if err != nil || len(findings) > 0 {
				t.Errorf("%v %v", findings, err)
			}
		})
	}
}
