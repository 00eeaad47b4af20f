package release_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

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
