package render_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// motd is a source that no project file knows: its services are a file of the
// repository as a ConfigMap. It is all that a new source needs, besides its
// line in the map.
type motd struct{ source.Concrete }

const motdFile = "motd.txt"

func (motd) References(source.Service) []source.Reference {
	return []source.Reference{{Field: "motd", Path: motdFile, Kind: source.File, Noun: "a message"}}
}

func (motd) Collect(ctx context.Context, r *tree.Reader, s source.Service) error {
	_, err := r.File(ctx, s.Place("motd"), motdFile)
	return err
}

func (motd) Base(_ context.Context, s source.Service, files map[string][]byte) (source.Base, error) {
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + s.Name + "}\ndata: {text: " + string(files[motdFile]) + "}\n"
	return source.Base{Files: []source.Manifest{{Name: "motd.yaml", Data: []byte(text), From: motdFile}}, Warnings: []string{"motd is a toy"}}, nil
}

// TestNewSource renders services of a source that is added to the map: the
// project file has no key for it, so they are those without a source.
func TestNewSource(t *testing.T) {
	req := request(map[string]project.Service{"hello": {}, "cache": {Image: "redis:7.4"}})
	req.Overlays = overlays("deploy")
	fsys := repository(map[string]string{
		motdFile:                    "good morning",
		"deploy/kustomization.yaml": "commonAnnotations: {team: shop}\n",
	})
	result, err := render.WithSource(context.Background(), "", motd{}, fsys, req)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "source/toy", result.Manifests)
	if len(result.Warnings) != 1 || !strings.Contains(result.Warnings[0], "toy") {
		t.Errorf("warnings are %q, want the source's own", result.Warnings)
	}
	_, err = render.WithSource(context.Background(), "", motd{}, repository(map[string]string{"deploy/kustomization.yaml": "{}\n"}), req)
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "slipway.yaml: services.hello.motd") {
		t.Errorf("without its file: %v, want a refusal that names the service", err)
	}
	req.Explain = true
	origins, err := render.WithSource(context.Background(), "", motd{}, fsys, req)
	if err != nil || !strings.HasPrefix(origins.Origins["ConfigMap/hello"], motdFile) {
		t.Errorf("origins are %v (%v), want the source's file", origins.Origins, err)
	}
}

func TestServicesThatStandForNothing(t *testing.T) {
	fsys := repository(map[string]string{"compose.yaml": "services:\n  a: {image: a:1, profiles: [debug]}\n"})
	_, err := renderAll(t, fsys, request(map[string]project.Service{"legacy": {Compose: &project.Compose{File: "compose.yaml"}}}))
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "compose.yaml:2: services.a: every service has a profile") {
		t.Errorf("got %v, want a refusal of a Compose file with nothing to take", err)
	}
}

// A replacement keeps text what was text, also where it makes the field.
func TestReplacementKeepsText(t *testing.T) {
	source := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from, annotations: {quoted: \"7\"}}\ndata: {port: \"8080\", on: \"true\", plain: text, mode: \"0644\", version: \"1.50\"}\nimmutable: true\n"
	target := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: registry.example/web:1, env: [{name: PORT, value: x}]}]}\n"
	for name, tt := range map[string]struct{ from, to, want string }{
		"a created annotation":         {"data.port", "metadata.annotations.[example.com/port]", "example.com/port: \"8080\""},
		"a created annotation of pods": {"data.port", "spec.template.metadata.annotations.[example.com/port]", "example.com/port: \"8080\""},
		"a created label":              {"data.on", "metadata.labels.on", "\"on\": \"true\""},
		"from an annotation":           {"metadata.annotations.quoted", "metadata.annotations.seven", "seven: \"7\""},
		"a variable":                   {"data.port", "spec.template.spec.containers.0.env.0.value", "value: \"8080\""},
		"a created variable":           {"data.port", "spec.template.spec.containers.0.env.[name=NEW].value", "value: \"8080\""},
		"a number to an annotation":    {"immutable", "metadata.annotations.frozen", "frozen: \"true\""},
		"a created label of pods":      {"data.on", "spec.template.metadata.labels.on", "\"on\": \"true\""},
		"a version":                    {"data.version", "spec.template.metadata.annotations.version", "version: \"1.50\""},
		"octal text":                   {"data.mode", "spec.template.metadata.annotations.mode", "mode: \"0644\""},
		"words":                        {"data.plain", "metadata.annotations.words", "words: text"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := repository(map[string]string{
				"raw/kustomization.yaml": fmt.Sprintf("resources: [from.yaml, web.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: from, fieldPath: %q}\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: [%q]\n    options: {create: true}\n", tt.from, tt.to),
				"raw/from.yaml":          source, "raw/web.yaml": target,
			})
			result := mustRender(t, fsys, request(map[string]project.Service{"raw": {Kustomize: "raw"}}))
			if !strings.Contains(string(result.Manifests), tt.want) {
				t.Errorf("it lacks %s:\n%s", tt.want, result.Manifests)
			}
		})
	}
}
