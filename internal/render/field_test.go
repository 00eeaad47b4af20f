package render_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// fieldSpec is the file spec of a case.
type fieldSpec struct {
	Services     map[string]project.Service `json:"services"`
	Overlay      string                     `json:"overlay"`
	Capabilities render.Capabilities        `json:"capabilities"`
	Seed         string                     `json:"seed"`
}

// TestField renders Kustomize directories and charts as people have them: one file
// for each situation, with what must come of it.
func TestField(t *testing.T) {
	cases, err := filepath.Glob("testdata/field/*.txtar")
	if err != nil || len(cases) < 40 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			spec, files, golden := fieldSpec{}, map[string]string{}, len(archive.Files)
			for i, file := range archive.Files {
				switch file.Name {
				case "spec":
					if err := yaml.UnmarshalStrict(file.Data, &spec); err != nil {
						t.Fatal(err)
					}
				case "golden":
					golden = i
				default:
					files[file.Name] = string(file.Data)
				}
			}
			got := describe(t, spec, files)
			if *update {
				archive.Files = append(archive.Files[:golden], txtar.File{Name: "golden", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if golden == len(archive.Files) {
				t.Fatal("there is no golden")
			}
			if diff := cmp.Diff(string(archive.Files[golden].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// describe writes what comes of a case: manifests and warnings, or the error. The
// stage's labels and what pods are completed to, which other goldens have, are
// left out.
func describe(t *testing.T, spec fieldSpec, files map[string]string) string {
	t.Helper()
	req := request(spec.Services)
	req.Capabilities, req.Seed, req.PodSecurity, req.ServiceTokens = spec.Capabilities, []byte(spec.Seed), "baseline", true
	if spec.Overlay != "" {
		req.Overlays = overlays(spec.Overlay)
	}
	result, err := renderAll(t, repository(files), req)
	if err != nil {
		if fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("%v is nobody's fault", err)
		}
		return "refused:\n  " + strings.ReplaceAll(fault.MessageOf(err), "\n", "\n  ") + "\n"
	}
	var b strings.Builder
	for _, line := range strings.SplitAfter(string(result.Manifests), "\n") {
		if !strings.Contains(line, "slipway.dev/organization:") && !strings.Contains(line, "slipway.dev/project:") && !strings.Contains(line, "slipway.dev/stage:") &&
			!strings.Contains(line, "app.kubernetes.io/managed-by: slipway") && !strings.Contains(line, "namespace: "+namespaceOf) {
			b.WriteString(line)
		}
	}
	if len(result.Warnings) > 0 {
		b.WriteString("warnings:\n  " + strings.Join(result.Warnings, "\n  ") + "\n")
	}
	return b.String()
}

const namespaceOf = "sw-acme-shop-production"
