package projectfile

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares got with a file of testdata, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFiveMistakes(t *testing.T) {
	_, err := Parse("slipway.yaml", testdata(t, "five.yaml"))
	problems, ok := errors.AsType[Problems](err)
	if !ok || len(problems) != 5 {
		t.Fatalf("want five problems, got %v", err)
	}
	if fault.CodeOf(fmt.Errorf("read the file: %w", err)) != fault.Invalid {
		t.Errorf("code %q, want invalid", fault.CodeOf(err))
	}
	golden(t, "five.golden", []byte(err.Error()+"\n"))
}

func TestRefused(t *testing.T) {
	var got bytes.Buffer
	rows := refused()
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		source := fileWith(rows[name])
		_, err := Parse("slipway.yaml", source)
		problems, ok := errors.AsType[Problems](err)
		if !ok || len(problems) == 0 {
			t.Errorf("%s: accepted, or no Problems: %v", name, err)
			continue
		}
		for _, p := range problems {
			if p.Remedy == "" || p.What == "" || p.Path == "" || p.Line > bytes.Count(source, []byte("\n"))+1 {
				t.Errorf("%s: incomplete problem %#v", name, p)
			}
			if strings.Contains(strings.ToLower(p.Error()), "hush") || strings.Contains(p.Error(), "u:secret") {
				t.Errorf("%s: a value that may be secret is shown: %v", name, p)
			}
		}
		fmt.Fprintf(&got, "== %s\n%s\n", name, err)
	}
	golden(t, "errors.golden", got.Bytes())
}

func TestAccepted(t *testing.T) {
	tests := map[string]map[string]string{
		"small":               {},
		"byte order mark":     {"version": "\ufeffversion: 1\n"},
		"document marker":     {"version": "---\nversion: 1\n"},
		"alias":               {"services": "services:\n  a: {image: \"a:1\", env: &e {A: b}}\n  b: {image: \"a:1\", env: *e}\n"},
		"tag rule":            stages("- {name: production, tag: v*}\n- {name: staging, branch: main}\n- {name: release, tag: v*, promoteFrom: staging}"),
		"several owners":      members("[{user: a, role: owner}, {group: a, role: owner}]"),
		"freeze":              stages("- {name: a, branch: main, freeze: [{from: 2030-12-24T00:00:00Z, until: 2030-12-27T00:00:00+01:00, reason: holidays}]}"),
		"pattern with ttl":    stages("- {name: a, branch: a/**, ttl: 168h, onDelete: keep}"),
		"build with nothing":  service("{build: {}}"),
		"whole float port":    service(`{image: "a:1", port: 80.0}`),
		"scale to zero":       service(`{image: "a:1", scale: {min: 0, max: 1}}`),
		"schedule, volume":    service(`{image: "a:1", schedule: "*/15 0-6/2 1,15 jan-mar mon", volumes: [{path: /a, size: 1Gi}]}`),
		"volumes side by":     service(`{image: "a:1", volumes: [{path: /a, size: 1Gi}, {path: /ab, size: 1Gi}]}`),
		"template, routes":    service(`{template: adminer, routes: [{path: /}], scale: {min: 2}}`),
		"helm override":       service(`{helm: {chart: a}, stages: {production: {helm: {values: [b], set: {c: {d: 1}}}}}}`),
		"removed by null":     service(`{image: "a:1", port: 80, routes: [{path: /}], stages: {production: {routes: null, env: {A: null}}}}`),
		"host in override":    service(`{image: "a:1", port: 80, stages: {production: {routes: [{path: /, host: a.example}]}}}`),
		"shared host":         {"stages": "stages:\n- {name: production, branch: main, hosts: {web: a.example, api: a.example}}\n", "services": "services:\n  web: {image: \"a:1\", port: 80, routes: [{path: /}]}\n  api: {image: \"a:1\", port: 80, routes: [{path: /api}]}\n"},
		"digest":              service(`{image: "redis:7.4@sha256:` + strings.Repeat("a", 64) + `"}`),
		"sealed":              more("sealed: {stripe: {A: YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+}}\n"),
		"sealed in armor":     more("sealed:\n  stripe:\n    A: |\n      -----BEGIN AGE ENCRYPTED FILE-----\n      YWdl\n      -----END AGE ENCRYPTED FILE-----\n"),
		"strings like yes no": {"project": "project: yes\n"},
		"carriage returns":    {"project": "project: shop\r\n"},
	}
	for name, changes := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Parse("slipway.yaml", fileWith(changes)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDesignExample(t *testing.T) {
	doc, err := Parse("slipway.yaml", testdata(t, "all.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]project.SourceKind{}
	for name, s := range doc.File.Services {
		kinds[name] = s.Source()
	}
	want := map[string]project.SourceKind{
		"web": "build", "worker": "build", "report": "image", "cache": "image", "db": "template",
		"legacy": "compose", "search": "helm", "raw": "kustomize", "other": "build",
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("sources differ (-want +got):\n%s", diff)
	}
	if doc.File.Overlay != "deploy/overlays/all" {
		t.Errorf("the file's overlay is %q", doc.File.Overlay)
	}
	production, _ := doc.File.Stage("production")
	wantStage := project.Stage{
		Name: "production", Branch: "main", Overlay: "deploy/overlays/production", Protected: true,
		Requires: project.Requires{Checks: []string{"ci/test"}, Approvals: 1}, PromoteFrom: "staging",
		Hosts: map[string]string{"web": "shop.acme.example"}, Resources: project.Resources{CPU: "4", Memory: "8Gi"},
		OnDelete: "keep", Rollback: "never",
	}
	if diff := cmp.Diff(wantStage, production, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("stage differs (-want +got):\n%s", diff)
	}
}

func TestSecondary(t *testing.T) {
	good := "version: 1\nproject: shop\nservices:\n  api: {build: {}, port: 80, stages: {anything: {port: 81}}}\n"
	doc, err := ParseSecondary("slipway.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Effective("anything")["api"].Port; got != 81 {
		t.Errorf("port %d, want 81", got)
	}
	for _, key := range []string{"members: [{user: mallory, role: owner}]", "stages: [{name: a, branch: main}]", "previews: {from: a}"} {
		_, err := ParseSecondary("slipway.yaml", []byte(good+key+"\n"))
		if err == nil || !strings.Contains(err.Error(), "known: project, services, version") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestSecondaryObeysTheSameRules(t *testing.T) {
	tests := map[string]string{
		"no project":  "version: 1\nservices: {a: {build: {}}}\n",
		"no services": "version: 1\nproject: shop\n",
		"version":     "version: 2\nproject: shop\nservices: {a: {build: {}}}\n",
		"project":     "version: 1\nproject: Shop\nservices: {a: {build: {}}}\n",
		"name":        "version: 1\nproject: shop\nservices: {A: {build: {}}}\n",
		"beyond":      "version: 1\nproject: shop\nservices: {a: {build: {}, routes: [{path: /}]}}\n",
	}
	for name, source := range tests {
		if _, err := ParseSecondary("slipway.yaml", []byte(source)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestProblemsAreSortedAndBounded(t *testing.T) {
	var file strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&file, "unknown%d: 1\n", i)
	}
	_, err := Parse("slipway.yaml", []byte(file.String()))
	problems, _ := errors.AsType[Problems](err)
	if len(problems) != syntax.MaxProblems {
		t.Fatalf("%d problems", len(problems))
	}
	if !slices.IsSortedFunc(problems, func(a, b Problem) int { return a.Line - b.Line }) {
		t.Error("not sorted")
	}
	if last := problems[syntax.MaxProblems-1].What; !strings.Contains(last, "are not shown") {
		t.Errorf("the last problem doesn't say that there are more: %s", last)
	}
}
