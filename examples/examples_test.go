// Package examples_test renders every example as the server would and compares
// it with what is in testdata. The files there are what people read to see
// what Slipway makes of a slipway.yaml: review their changes as code.
package examples_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/worker"
)

var update = flag.Bool("update", false, "write the golden files")

// digest is the digest of every image that a test says was built.
const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestMain makes the test binary its own render worker.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "render-worker" {
		if err := worker.Main(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func examples(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("*/" + project.FileName)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		names = append(names, filepath.Dir(file))
	}
	return names
}

func document(t testing.TB, example string) *projectfile.Document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(example, project.FileName))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := projectfile.Parse(project.FileName, data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// inProcess renders in the test's own process.
type inProcess struct{}

func (inProcess) Render(ctx context.Context, tree fs.FS, req render.Request) (render.Result, error) {
	files, err := render.Collect(ctx, tree, req, render.DefaultLimits())
	if err != nil {
		return render.Result{}, err
	}
	return render.Render(ctx, req, files)
}

func request(t testing.TB, dir string, doc *projectfile.Document, stage project.Stage) render.Request {
	t.Helper()
	services, _, err := render.ExpandTemplates(doc.Effective(stage.Name), render.OwnTemplates{})
	if err != nil {
		t.Fatal(err)
	}
	req := render.Request{
		Organization: "acme", Project: doc.File.Project, Stage: stage.Name,
		Services: services, FromTemplates: render.MadeFromTemplates(doc.File.Services, services), Images: map[string]string{},
		Hosts:   map[string][]string{},
		Ingress: v1alpha1.Ingress{Class: "public", Domain: "apps.example"},
	}
	if stage.Overlay != "" {
		req.Overlays = []render.OverlayReference{{Directory: stage.Overlay}}
	}
	for service, host := range stage.Hosts {
		req.Hosts[service] = []string{host}
	}
	builds, err := render.Builds(t.Context(), inProcess{}, os.DirFS(dir), req)
	if err != nil {
		t.Fatal(err)
	}
	for name := range builds {
		req.Images[name] = fmt.Sprintf("registry.example/acme/%s/%s@%s", doc.File.Project, name, digest)
	}
	return req
}

func renderStage(t testing.TB, dir string, req render.Request) render.Result {
	t.Helper()
	files, err := render.Collect(context.Background(), os.DirFS(dir), req, render.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	result, err := render.Render(context.Background(), req, files)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestExamples(t *testing.T) {
	for _, example := range examples(t) {
		doc := document(t, example)
		for _, stage := range doc.File.Stages {
			t.Run(example+"/"+stage.Name, func(t *testing.T) {
				result := renderStage(t, example, request(t, example, doc, stage))
				compare(t, filepath.Join("testdata", example, stage.Name+".yaml"), result.Manifests)
				var warnings bytes.Buffer
				for _, warning := range result.Warnings {
					fmt.Fprintln(&warnings, warning)
				}
				compare(t, filepath.Join("testdata", example, stage.Name+".warnings"), warnings.Bytes())
			})
		}
	}
}

// compare compares with a golden file; no file means nothing.
func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		write(t, file, got)
	}
	want, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if len(data) == 0 {
		_ = os.Remove(file)
		return
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestEject renders what eject writes with Kustomize alone, from a disk.
func TestEject(t *testing.T) {
	for _, example := range examples(t) {
		doc := document(t, example)
		for _, stage := range doc.File.Stages {
			t.Run(example+"/"+stage.Name, func(t *testing.T) {
				req := request(t, example, doc, stage)
				files, err := render.Collect(context.Background(), os.DirFS(example), req, render.DefaultLimits())
				if err != nil {
					t.Fatal(err)
				}
				ejected, err := render.Eject(context.Background(), req, files)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				for name, data := range ejected {
					write(t, filepath.Join(dir, name), data)
				}
				objects, err := krusty.MakeKustomizer(&krusty.Options{
					Reorder:          krusty.ReorderOptionUnspecified,
					LoadRestrictions: types.LoadRestrictionsRootOnly,
					PluginConfig:     types.DisabledPluginConfig(),
				}).Run(filesys.MakeFsOnDisk(), dir)
				if err != nil {
					t.Fatal(err)
				}
				got, err := objects.AsYaml()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(renderStage(t, example, req).Manifests), string(got)); diff != "" {
					t.Errorf("kustomize renders something else (-slipway +kustomize):\n%s", diff)
				}
			})
		}
	}
}

// TestElsewhere renders every example twice in a confined worker, from another
// directory, with another locale and time zone, and wants the same bytes.
func TestElsewhere(t *testing.T) {
	want := map[string][]byte{}
	eachStage(t, func(example string, req render.Request) {
		want[example+"/"+req.Stage] = renderStage(t, example, req).Manifests
	})
	elsewhere := filepath.Join(t.TempDir(), "ein anderer Ort", "ünïcode")
	if err := os.CopyFS(elsewhere, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "HOME": "/nonexistent"} {
		t.Setenv(name, value)
	}
	pool, err := worker.New(context.Background(), worker.Options{Executable: "/proc/self/exe", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for range 2 {
		eachStage(t, func(example string, req render.Request) {
			result, err := pool.Render(context.Background(), os.DirFS(filepath.Join(elsewhere, example)), req)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want[example+"/"+req.Stage]), string(result.Manifests)); diff != "" {
				t.Errorf("%s/%s renders differently elsewhere (-here +there):\n%s", example, req.Stage, diff)
			}
		})
	}
}

func eachStage(t testing.TB, visit func(example string, req render.Request)) {
	t.Helper()
	for _, example := range examples(t) {
		doc := document(t, example)
		for _, stage := range doc.File.Stages {
			visit(example, request(t, example, doc, stage))
		}
	}
}
