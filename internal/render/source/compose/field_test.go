package compose_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/compose"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

var update = flag.Bool("update", false, "write goldens and the table in docs/compose.md")

// expansion is what a Compose file becomes.
type expansion struct {
	workloads []workload.Input
	builds    map[string]project.Build
	warnings  []string
}

// expand takes services of Compose files of a commit.
func expand(t testing.TB, spec project.Compose, files map[string]string) (expansion, error) {
	t.Helper()
	commit := fstest.MapFS{}
	for name, data := range files {
		commit[name] = &fstest.MapFile{Data: []byte(data)}
	}
	service := source.Service{Name: "x", Limits: tree.DefaultLimits(), Spec: project.Service{Compose: &spec}, Images: map[string]string{}}
	r := tree.NewReader(tree.FromFS(commit), tree.DefaultLimits())
	if err := (compose.Source{}).Collect(context.Background(), r, service); err != nil {
		return expansion{}, err
	}
	builds, _, err := compose.Source{}.Builds(context.Background(), service, r.Files())
	if err != nil {
		return expansion{}, err
	}
	for name := range builds {
		service.Images[name] = "built.example/" + name
	}
	base, err := compose.Source{}.Base(context.Background(), service, r.Files())
	return expansion{base.Workloads, builds, base.Warnings}, err
}

// TestField renders what people write: one file for each situation, with what
// must come of it.
func TestField(t *testing.T) {
	cases, err := filepath.Glob("testdata/field/*.txtar")
	if err != nil || len(cases) < 60 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			spec, files := project.Compose{File: "compose.yaml"}, map[string]string{}
			var want string
			golden := -1
			for i, file := range archive.Files {
				switch file.Name {
				case "spec":
					spec = project.Compose{}
					if err := yaml.UnmarshalStrict(file.Data, &spec); err != nil {
						t.Fatal(err)
					}
				case "golden":
					golden, want = i, string(file.Data)
				default:
					files[file.Name] = string(file.Data)
				}
			}
			got := describe(t, spec, files)
			if *update {
				if golden < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "golden"})
					golden = len(archive.Files) - 1
				}
				archive.Files[golden].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// describe writes what comes of Compose files: what runs and is built, and the
// warnings; or the error.
func describe(t *testing.T, spec project.Compose, files map[string]string) string {
	t.Helper()
	made, err := expand(t, spec, files)
	if err != nil {
		if fault.CodeOf(err) != fault.Invalid {
			t.Fatalf("%v is nobody's fault", err)
		}
		return "refused:\n" + lines(strings.Split(fault.MessageOf(err), "\n"))
	}
	for _, in := range made.workloads {
		if _, _, err := workload.Objects(in); err != nil {
			t.Errorf("no objects can be made of %s: %v", in.Name, err)
		}
	}
	var b strings.Builder
	for _, in := range made.workloads {
		in.Service.Image = ""
		b.WriteString(written(t, in))
	}
	if len(made.builds) > 0 {
		b.WriteString("builds:\n" + indent(written(t, made.builds)))
	}
	if len(made.warnings) > 0 {
		b.WriteString("warnings:\n" + lines(made.warnings))
	}
	return b.String()
}

// written returns a value as YAML without what is empty.
func written(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	if text, err = yaml.Marshal(pruned(plain)); err != nil {
		t.Fatal(err)
	}
	if in, is := value.(workload.Input); is {
		return in.Name + ":\n" + indent(strings.Replace(string(text), "Name: "+in.Name+"\n", "", 1))
	}
	return string(text)
}

// pruned leaves out what is empty.
func pruned(value any) any {
	switch value := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, member := range value {
			if there := pruned(member); there != nil {
				kept[key] = there
			} else if member != nil && (key == "Once" || key == "Group") {
				kept[key] = member // what is empty says something, too
			}
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case []any:
		var kept []any
		for _, item := range value {
			kept = append(kept, pruned(item))
		}
		if len(kept) == 0 {
			return nil
		}
		return kept
	case string:
		if value == "" {
			return nil
		}
	case bool:
		if !value {
			return nil
		}
	case float64:
		if value == 0 {
			return nil
		}
	}
	return value
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

func lines(texts []string) string {
	var b strings.Builder
	for _, text := range texts {
		fmt.Fprintf(&b, "- %s\n", text)
	}
	return b.String()
}
