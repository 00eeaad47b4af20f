//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEjectedByTheProgram ejects a stage of each example and has Kustomize's
// own program, as kubectl brings it along, render the bytes of slipway render.
func TestEjectedByTheProgram(t *testing.T) {
	stages := map[string]string{
		"hello": "production", "image": "dev", "kustomize": "dev", "compose": "production",
		"helm": "dev", "template": "dev", "shop": "staging", "everything": "staging",
	}
	for example, stage := range stages {
		t.Run(example, func(t *testing.T) {
			of := []string{"-C", filepath.Join("examples", example), "--stage", stage, "--domain", "apps.example"}
			dir := filepath.Join(t.TempDir(), "ejected")
			if out, err := shared.CLI(t.Context(), append([]string{"eject", "--to", dir}, of...)...); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got, err := shared.Kubectl(t.Context(), "kustomize", dir)
			if err != nil {
				t.Fatal(err)
			}
			want, err := shared.CLI(t.Context(), append([]string{"render"}, of...)...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("kustomize renders something else (-slipway +kustomize):\n%s", diff)
			}
		})
	}
}
