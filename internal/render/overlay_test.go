package render_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
)

// layered is a repository with an overlay for every stage and one for
// production, which undoes a part of it.
func layered() (map[string]string, render.Request) {
	files := map[string]string{
		"deploy/all/kustomization.yaml":        "commonAnnotations: {team: shop, tier: any}\nreplicas: [{name: web, count: 2}, {name: cache, count: 2}]\nresources: [policy.yaml]\n",
		"deploy/all/policy.yaml":               "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: policy}\ndata: {from: project}\n",
		"deploy/production/kustomization.yaml": "commonAnnotations: {tier: production}\nreplicas: [{name: web, count: 5}]\npatches: [{path: policy.yaml}]\n",
		"deploy/production/policy.yaml":        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: policy}\ndata: {from: stage}\n",
	}
	req := request(map[string]project.Service{
		"web":   {Build: &project.Build{Context: "."}, Port: 8080},
		"cache": {Image: "redis:7.4", Port: 6379},
	})
	req.Overlays = overlays("deploy/all", "deploy/production")
	return files, req
}

// The stage's overlay lies over the project's, which lies over the bases.
func TestBothOverlays(t *testing.T) {
	files, req := layered()
	both := mustRender(t, repository(files), req).Manifests
	golden(t, "overlay/both", both)
	req.Overlays = req.Overlays[:1]
	golden(t, "overlay/project", mustRender(t, repository(files), req).Manifests)

	// A stage's overlay that names the project's itself gives the same.
	files, req = layered()
	files["deploy/production/kustomization.yaml"] = "resources: [../all]\n" + files["deploy/production/kustomization.yaml"]
	if diff := cmp.Diff(string(both), string(mustRender(t, repository(files), req).Manifests)); diff != "" {
		t.Errorf("with the project's overlay among its resources (-want +got):\n%s", diff)
	}
}

func TestBothOverlaysEject(t *testing.T) {
	files, req := layered()
	collected, err := render.Collect(context.Background(), repository(files), req, render.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ejected, err := render.Eject(context.Background(), req, collected)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"repo/deploy/all/policy.yaml", "repo/deploy/production/policy.yaml"} {
		if _, found := ejected[name]; !found {
			t.Errorf("%s is not ejected", name)
		}
	}
	objects, err := kustomization.Build(ejected, ".")
	if err != nil {
		t.Fatal(err)
	}
	var documents []string
	for _, object := range objects {
		text, err := object.Text()
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(text))
	}
	want := string(mustRender(t, repository(files), req).Manifests)
	if diff := cmp.Diff(want, strings.Join(documents, "---\n")); diff != "" {
		t.Errorf("what is ejected renders differently (-want +got):\n%s", diff)
	}
}

func TestMissingOverlay(t *testing.T) {
	cases := map[string]struct{ missing, says string }{
		"project's": {"deploy/all/", `slipway.yaml:3: overlay: the directory "deploy/all" has no kustomization.yaml`},
		"stage's":   {"deploy/production/", `slipway.yaml:4: stages[0].overlay: the directory "deploy/production" has no kustomization.yaml`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			files, req := layered()
			for file := range files {
				if strings.HasPrefix(file, c.missing) {
					delete(files, file)
				}
			}
			if _, err := renderAll(t, repository(files), req); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an invalid error that says %q", err, c.says)
			}
		})
	}
}
