package render_test

import (
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/project"
)

const generatingChart = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata:\n  pw: {{ randAlphaNum 16 | b64enc }}\n"

func generating(more map[string]string) map[string]string {
	files := map[string]string{"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/templates/s.yaml": generatingChart}
	for name, text := range more {
		files[name] = text
	}
	return files
}

// A Secret passes guard when a chart's generated values are all it has been made
// for; nobody can claim that of another one.
func TestGeneratedSecretsPassGuard(t *testing.T) {
	const claim = "apiVersion: v1\nkind: Secret\nmetadata: {name: mine, annotations: {slipway.dev/generated: data.pw}}\nstringData: {pw: hunter2}\n"
	cases := map[string]struct {
		files    map[string]string
		overlay  bool
		services map[string]project.Service
		refused  string
		warns    string
	}{
		"generated":    {files: generating(nil), services: map[string]project.Service{"c": {Helm: &project.Helm{Chart: "c"}}}, warns: "the chart generates"},
		"in git":       {files: generating(map[string]string{"c/templates/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {pw: hunter2}\n"}), services: map[string]project.Service{"c": {Helm: &project.Helm{Chart: "c"}}}, refused: "Secret/db"},
		"claimed":      {files: map[string]string{"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": claim}, services: map[string]project.Service{"k": {Kustomize: "k"}}, refused: "Secret/mine"},
		"both":         {files: generating(map[string]string{"k/kustomization.yaml": "resources: [s.yaml]\n", "k/s.yaml": claim}), services: map[string]project.Service{"c": {Helm: &project.Helm{Chart: "c"}}, "k": {Kustomize: "k"}}, refused: "Secret/mine"},
		"more by hand": {files: generating(map[string]string{"o/kustomization.yaml": "patches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: db}, stringData: {admin: hunter2}}'}]\n"}), overlay: true, services: map[string]project.Service{"c": {Helm: &project.Helm{Chart: "c"}}}, warns: "admin is not generated"},
		"replaced":     {files: generating(map[string]string{"o/kustomization.yaml": "patches: [{patch: '{apiVersion: v1, kind: Secret, metadata: {name: db}, data: {pw: aHVudGVyMg==}}'}]\n"}), overlay: true, services: map[string]project.Service{"c": {Helm: &project.Helm{Chart: "c"}}}, refused: "Secret/db"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			req := request(c.services)
			req.Seed = []byte("seed")
			if c.overlay {
				req.Overlays = overlays("o")
			}
			result := mustRender(t, repository(c.files), req)
			findings, err := guard.Check(result.Manifests, guard.Policy{Namespace: "sw-acme-shop-production"})
			if err != nil {
				t.Fatal(err)
			}
			var refused []string
			for _, finding := range findings {
				if finding.Rule == guard.RulePlaintextSecret {
					refused = append(refused, finding.String())
				}
			}
			if got := strings.Join(refused, "\n"); (c.refused == "") != (got == "") || !strings.Contains(got, c.refused) {
				t.Errorf("refused is %q, want %q", got, c.refused)
			}
			if warnings := strings.Join(result.Warnings, "\n"); !strings.Contains(warnings, c.warns) {
				t.Errorf("warnings are %q, want %q", warnings, c.warns)
			}
			if strings.Contains(strings.Join(result.Warnings, "\n"), "hunter2") {
				t.Error("a warning shows a value")
			}
		})
	}
}
