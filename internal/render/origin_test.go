package render_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/project"
)

// TestOrigins names the files of the repository for every kind of source.
func TestOrigins(t *testing.T) {
	files := map[string]string{
		"deploy/raw/kustomization.yaml":                 "resources: [sub]\nconfigMapGenerator: [{name: made, literals: [a=b], options: {disableNameSuffixHash: true}}]\n",
		"deploy/raw/sub/kustomization.yaml":             "resources: [map.yaml]\n",
		"deploy/raw/sub/map.yaml":                       "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n",
		"deploy/overlays/production/kustomization.yaml": "resources: [more.yaml]\npatches:\n- path: web.yaml\n- patch: |-\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: settings}\n    data: {c: d}\n",
		"deploy/overlays/production/more.yaml":          "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n",
		"deploy/overlays/production/web.yaml":           "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {minReadySeconds: 3}\n",
		"docker-compose.yml":                            "services: {mailer: {image: \"mail:1\"}}\n",
		"charts/search/Chart.yaml":                      "apiVersion: v2\nname: finder\nversion: 1.0.0\n",
		"charts/search/templates/index.yaml":            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: index}\n",
	}
	req := request(map[string]project.Service{
		"web":    {Image: "nginx:1"},
		"raw":    {Kustomize: "deploy/raw"},
		"legacy": {Compose: &project.Compose{File: "docker-compose.yml"}},
		"search": {Helm: &project.Helm{Chart: "charts/search"}},
	})
	req.Images, req.Overlays, req.Explain = nil, overlays("deploy/overlays/production"), true
	result := mustRender(t, repository(files), req)
	const overlay = ", through deploy/overlays/production/kustomization.yaml"
	want := map[string]string{
		"Deployment/web":        "slipway.yaml (services.web)" + overlay,
		"ServiceAccount/web":    "slipway.yaml (services.web)" + overlay,
		"ConfigMap/settings":    "deploy/raw/sub/map.yaml, through deploy/raw/kustomization.yaml, deploy/overlays/production/kustomization.yaml",
		"ConfigMap/made":        "deploy/raw/kustomization.yaml" + overlay,
		"ConfigMap/more":        "deploy/overlays/production/more.yaml" + overlay,
		"ConfigMap/index":       "charts/search/templates/index.yaml" + overlay,
		"Deployment/mailer":     "docker-compose.yml (by services.legacy)" + overlay,
		"Service/mailer":        "docker-compose.yml (by services.legacy)" + overlay,
		"ServiceAccount/mailer": "docker-compose.yml (by services.legacy)" + overlay,
	}
	if diff := cmp.Diff(want, result.Origins); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(result.Manifests) != 0 {
		t.Error("manifests with Kustomize's notes in them were returned")
	}
}
