package examples_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/slipway-dev/slipway/internal/cli"
	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/project"
)

// slipway runs the command line and returns what it printed.
func slipway(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	streams := stream.Streams{Out: &out, Err: &errs, In: strings.NewReader("")}
	if code := cli.Run(context.Background(), args, streams, cli.Build{Version: "test"}, cli.Roles{}); code != exit.Fine {
		t.Fatalf("slipway %s exits with %d:\n%s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// stageArgs are the flags that choose a stage of an example.
func stageArgs(example string, stage project.Stage) []string {
	args := []string{"-C", example, "--stage", stage.Name, "--organization", "acme", "--domain", "apps.example"}
	if stage.Pattern() {
		args = append(args, "--ref", strings.ReplaceAll(stage.Branch, "*", "x"))
	}
	return args
}

// TestEjectedStagesRenderTheSame ejects every stage of every example by the
// command line, renders the directory with Kustomize as its program does by
// default, and wants the bytes that slipway render prints.
func TestEjectedStagesRenderTheSame(t *testing.T) {
	stages := 0
	for _, example := range examples(t) {
		for _, stage := range document(t, example).File.Stages {
			stages++
			t.Run(example+"/"+stage.Name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "ejected")
				slipway(t, append([]string{"eject", "--to", dir}, stageArgs(example, stage)...)...)
				objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
				if err != nil {
					t.Fatal(err)
				}
				got, err := objects.AsYaml()
				if err != nil {
					t.Fatal(err)
				}
				want := slipway(t, append([]string{"render"}, stageArgs(example, stage)...)...)
				if diff := cmp.Diff(want, string(got)); diff != "" {
					t.Errorf("kustomize renders something else (-slipway +kustomize):\n%s", diff)
				}
			})
		}
	}
	if stages < 10 {
		t.Errorf("only %d stages were ejected", stages)
	}
}
