package helm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/helm"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

const chartFile = "apiVersion: v2\nname: search\nversion: 1.0.0\n"

// chart collects and renders a chart; files are below the chart's directory
// unless they start with a slash.
func chart(t *testing.T, files map[string]string, spec project.Helm) (string, []string, error) {
	t.Helper()
	base, err := chartWith(t, files, spec, nil)
	return text(base), base.Warnings, err
}

// chartWith does the same for a service that is changed before; nil changes
// nothing.
func chartWith(t *testing.T, files map[string]string, spec project.Helm, change func(*source.Service)) (source.Base, error) {
	t.Helper()
	fsys := fstest.MapFS{"c/Chart.yaml": {Data: []byte(chartFile)}}
	for name, text := range files {
		if name = strings.TrimPrefix("c/"+name, "c//"); name != "" {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	spec.Chart = "c"
	service := source.Service{Name: "s", Namespace: "stage", Spec: project.Service{Helm: &spec}, Limits: tree.DefaultLimits()}
	if change != nil {
		change(&service)
	}
	r := tree.NewReader(tree.FromFS(fsys), tree.DefaultLimits())
	if err := (helm.Source{}).Collect(context.Background(), r, service); err != nil {
		return source.Base{}, err
	}
	return helm.Source{}.Base(context.Background(), service, r.Files())
}

func TestValues(t *testing.T) {
	files := map[string]string{
		"values.yaml":      "a: chart\nb: chart\nc: chart\nd: {p: 1, q: 2}\n",
		"/values/one.yaml": "b: one\nc: one\n",
		"/values/two.yaml": "c: two\nd: {q: 3}\n",
		"templates/o.yaml": "kind: V\nv: {{ .Values.a }} {{ .Values.b }} {{ .Values.c }} {{ .Values.d.p }} {{ .Values.d.q }} {{ .Values.e }} {{ .Release.Name }} {{ .Release.Namespace }}\n",
	}
	got, _, err := chart(t, files, project.Helm{Values: []string{"values/one.yaml", "values/two.yaml"}, Set: map[string]any{"e": "set", "d": map[string]any{"p": 9}}})
	if err != nil || !strings.Contains(got, "v: chart one two 9 3 set s stage\n") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestHooks(t *testing.T) {
	hook := func(kind, hooks string) map[string]string {
		return map[string]string{"templates/o.yaml": "apiVersion: v1\nkind: " + kind + "\nmetadata:\n  name: one\n  annotations:\n    helm.sh/hook: " + hooks + "\n    helm.sh/hook-weight: \"1\"\n    keep: me\n"}
	}
	cases := map[string]struct {
		kind, hooks string
		has, lacks  []string
		warns       string
		refuses     string
	}{
		"job before":          {"Job", "pre-install,pre-upgrade", []string{"slipway.dev/hook: 'release'", "name: one-", "keep: me"}, []string{"helm.sh"}, "", ""},
		"object before":       {"ConfigMap", "pre-install", []string{"name: one\n", "keep: me"}, []string{"helm.sh", "slipway.dev"}, "", ""},
		"object after":        {"ConfigMap", "post-install", []string{"name: one\n"}, []string{"helm.sh"}, "", ""},
		"job after":           {"Job", "post-upgrade", []string{"slipway.dev/hook: 'once'", "name: one-", "keep: me"}, []string{"helm.sh"}, "Job one (post-upgrade) runs beside the workloads", ""},
		"pod after":           {"Pod", "post-install", nil, nil, "", "Pod one"},
		"pod before":          {"Pod", "pre-install", nil, nil, "", "Pod one"},
		"test":                {"Pod", "test", nil, []string{"kind"}, "Pod one (test) is left out", ""},
		"before a rollback":   {"Job", "pre-rollback", nil, []string{"kind"}, "left out", ""},
		"before and after":    {"Job", "pre-upgrade, post-upgrade", []string{"slipway.dev/hook"}, nil, "", ""},
		"not a hook's name":   {"Job", "whenever", nil, []string{"kind"}, "left out", ""},
		"after the uninstall": {"Job", "post-delete", nil, []string{"kind"}, "left out", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, warnings, err := chart(t, hook(c.kind, c.hooks), project.Helm{})
			if c.refuses != "" {
				if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.refuses) {
					t.Errorf("got %v, want a refusal of %s", err, c.refuses)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range c.has {
				if !strings.Contains(got, part) {
					t.Errorf("%q is missing in\n%s", part, got)
				}
			}
			for _, part := range c.lacks {
				if strings.Contains(got, part) {
					t.Errorf("%q is in\n%s", part, got)
				}
			}
			if (c.warns != "") != (len(warnings) == 1) || c.warns != "" && !strings.Contains(warnings[0], c.warns) {
				t.Errorf("warnings are %q, want %q", warnings, c.warns)
			}
		})
	}
}

func TestSameBytesEachTime(t *testing.T) {
	files := map[string]string{"templates/o.yaml": "kind: V\nk: {{ keys .Values.m | join \",\" }}\nv: {{ values .Values.m | join \",\" }}\n"}
	var values strings.Builder
	values.WriteString("m:\n")
	for _, letter := range "zyxwvutsrqponmlkjihgfedcba" {
		values.WriteString("  " + string(letter) + ": " + string(letter) + "\n")
	}
	files["values.yaml"] = values.String()
	for _, sub := range []string{"one", "two", "three", "four"} {
		files["charts/"+sub+"/Chart.yaml"] = strings.ReplaceAll(chartFile, "search", sub)
		files["charts/"+sub+"/templates/o.yaml"] = "kind: S\nname: " + sub + "\n{{- define \"shared\" }}" + sub + "{{ end }}\nshared: {{ include \"shared\" . }}\n"
	}
	first, _, err := chart(t, files, project.Helm{})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		again, _, err := chart(t, files, project.Helm{})
		if err != nil || again != first {
			t.Fatalf("the second time gives\n%s\nand the first\n%s (%v)", again, first, err)
		}
	}
}

func TestLeftOut(t *testing.T) {
	got, warnings, err := chart(t, map[string]string{
		".helmignore":          "ignored/\n*.secret\n",
		"ignored/x":            "x",
		"key.secret":           "x",
		"crds/d.yaml":          "kind: CustomResourceDefinition\n",
		"templates/NOTES.txt":  "hello\n",
		"templates/_names.tpl": "{{ define \"n\" }}x{{ end }}",
		"templates/empty.yaml": "{{ if false }}kind: X{{ end }}\n",
		"templates/o.yaml":     "kind: V\nfiles: {{ range $name, $_ := .Files.Glob \"**\" }}{{ $name }},{{ end }}\n",
	}, project.Helm{})
	if err != nil || strings.Contains(got, "secret") || strings.Contains(got, "hello") || strings.Count(got, "kind") != 1 {
		t.Errorf("got %q, %v", got, err)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "crds") {
		t.Errorf("warnings are %q, want one about crds", warnings)
	}
}

// archive packs files as helm package does.
func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	packed := tar.NewWriter(zipped)
	for name, text := range files {
		if err := packed.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(packed, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(packed.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		files map[string]string
		says  string
	}{
		"library":              {map[string]string{"Chart.yaml": chartFile + "type: library\n"}, "library"},
		"no chart":             {map[string]string{"Chart.yaml": "", "values.yaml": "a: 1\n"}, "can't be loaded"},
		"syntax":               {map[string]string{"templates/o.yaml": "{{ if }}\n"}, "templates/o.yaml"},
		"required":             {map[string]string{"templates/o.yaml": "a: {{ required \"give a\" .Values.a }}\n"}, "give a"},
		"old cluster":          {map[string]string{"Chart.yaml": chartFile + "kubeVersion: '<1.20'\n"}, "wants Kubernetes"},
		"schema":               {map[string]string{"values.schema.json": `{"required": ["a"]}`, "templates/o.yaml": "a: 1\n"}, "values are wrong"},
		"a draft of one's own": {map[string]string{"values.schema.json": `{"$schema": "https://evil.example/draft-07/schema"}`}, "none of the drafts"},
		"a draft inside":       {map[string]string{"values.schema.json": `{"$defs": {"a": {"$id": "x", "$schema": "http://json-schema.org/../meta"}}}`}, "none of the drafts"},
		"a schema beside":      {map[string]string{"values.schema.json": `{"allOf": [{"$ref": "other.json#/a"}]}`}, "outside the schema"},
		"a schema in an archive": {map[string]string{
			"charts/sub.tgz": archive(t, map[string]string{"sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n", "sub/values.schema.json": `{"$ref": "file:///etc/passwd"}`}),
		}, "charts/sub/values.schema.json"},
		"a zone":             {map[string]string{"templates/o.yaml": "a: {{ dateInZone \"15\" 0 \"Europe/Berlin\" }}\n"}, "time zone"},
		"the zone of a time": {map[string]string{"templates/o.yaml": "a: {{ dateInZone \"15\" (toDate \"2006\" \"2026\") \"Local\" }}\n"}, "time zone"},
		"an address":         {map[string]string{"templates/o.yaml": "a: {{ printf \"%p\" .Capabilities }}\n"}, "in memory"},
		"renders rot":        {map[string]string{"templates/o.yaml": "a: [\n"}, "can't be read"},
		"bad ignore":         {map[string]string{".helmignore": "**/x\n"}, ".helmignore"},
		"bad values":         {map[string]string{"values.yaml": "- a\n"}, "can't be loaded"},
		"values no map":      {map[string]string{"values.yaml": "{"}, "not YAML"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, _, err := chart(t, c.files, project.Helm{}); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an invalid error that says %q", err, c.says)
			}
		})
	}
}
