package release_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render"
)

// TestRenderRequestOverlays puts the project's overlay below the stage's, each
// with its line in the file.
func TestRenderRequestOverlays(t *testing.T) {
	const top = "version: 1\nproject: shop\nmembers: [{user: alice, role: owner}]\n"
	const stages = "stages:\n- {name: dev, branch: dev}\n- {name: production, branch: main, overlay: deploy/production}\n"
	const services = "services: {web: {image: \"web:1\"}}\n"
	all := render.OverlayReference{Directory: "deploy/all", Field: "overlay", Line: 4}
	tests := map[string]struct {
		file, stage string
		want        []render.OverlayReference
	}{
		"none":    {top + stages + services, "dev", nil},
		"stage's": {top + stages + services, "production", []render.OverlayReference{{Directory: "deploy/production", Field: "stages[1].overlay", Line: 6}}},
		"project": {top + "overlay: deploy/all\n" + stages + services, "dev", []render.OverlayReference{all}},
		"both": {
			top + "overlay: deploy/all\n" + stages + services, "production",
			[]render.OverlayReference{all, {Directory: "deploy/production", Field: "stages[1].overlay", Line: 7}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			document, err := projectfile.Parse("slipway.yaml", []byte(test.file))
			if err != nil {
				t.Fatal(err)
			}
			rule, _ := document.File.Stage(test.stage)
			request := release.RenderRequest(document, document.Effective(rule.Name), rule, release.Place{ImagePullSecret: "pull"})
			if diff := cmp.Diff(test.want, request.Overlays); diff != "" {
				t.Errorf("overlays (-want +got):\n%s", diff)
			}
			if request.ImagePullSecret != "pull" {
				t.Errorf("pods pull with %q", request.ImagePullSecret)
			}
		})
	}
}

// The services of a preview know what they are part of and where its services are, when
// they run; what the project file says wins, and images are built without.
func TestPreviewsKnowThemselves(t *testing.T) {
	const file = `version: 1
project: shop
members: [{user: alice, role: owner}]
stages: [{name: staging, branch: main, hosts: {web: shop.example}}]
previews: {from: staging, services: {web: {env: {MODE: preview}}, worker: {omit: true}}}
services:
  web: {build: {args: {A: b}}, port: 80, routes: [{path: /}], env: {SLIPWAY_PULL_REQUEST: mine}}
  admin-ui: {image: "admin:1", port: 80, routes: [{path: /admin}]}
  worker: {image: "worker:1"}
  chart: {helm: {chart: charts/x}}
`
	document, err := projectfile.Parse("slipway.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	request := func(preview bool, at release.Place) render.Request {
		t.Helper()
		rule, _ := document.File.Rule("staging", preview)
		services, _, err := release.Services(document, "staging", preview, render.OwnTemplates{})
		if err != nil {
			t.Fatal(err)
		}
		return release.RenderRequest(document, services, rule, at)
	}
	at := release.Place{Project: "shop", Stage: "pr-7", PullRequest: 7, Ingress: v1alpha1.Ingress{Domain: "apps.example"}}
	got := request(true, at)
	told := map[string]string{"SLIPWAY_PREVIEW": "pr-7", "SLIPWAY_PULL_REQUEST": "7", "SLIPWAY_URL_WEB": "https://web-pr-7-shop.apps.example/", "SLIPWAY_URL_ADMIN_UI": "https://" + naming.Host("admin-ui", "pr-7", "shop", "apps.example") + "/"}
	web := maps.Clone(told)
	web["SLIPWAY_PULL_REQUEST"], web["MODE"] = "mine", "preview"
	want := map[string]map[string]string{"web": web, "admin-ui": told, "chart": nil}
	envs := map[string]map[string]string{}
	for name, service := range got.Services {
		envs[name] = service.Env
	}
	if diff := cmp.Diff(want, envs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"A": "b"}, got.Services["web"].Build.Args); diff != "" {
		t.Errorf("build arguments (-want +got):\n%s", diff)
	}
	at.Stage, at.PullRequest = "staging", 0
	stage := request(false, at)
	if env := stage.Services["web"].Env; len(env) != 1 || len(stage.Services) != 4 {
		t.Errorf("the stage has %v of %d services", env, len(stage.Services))
	}
}
