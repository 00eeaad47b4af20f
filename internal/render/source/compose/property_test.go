package compose_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source/compose/key"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// TestNoKeyIsDroppedInSilence adds each key of the table to a file: one that is
// mapped changes what runs, one that is refused or left out is named with its
// line, and one that holds changes nothing.
func TestNoKeyIsDroppedInSilence(t *testing.T) {
	all := samples()
	maps.Copy(all, unmapped())
	for _, k := range key.All() {
		if k.Text == "" {
			continue // each key below has a decision of its own
		}
		t.Run(k.Path, func(t *testing.T) {
			given, known := all[k.Path]
			if delete(all, k.Path); !known {
				t.Fatal("there is no sample of it")
			}
			checkKey(t, k, given)
		})
	}
	for path := range all {
		t.Errorf("%s is no key of the table", path)
	}
}

func checkKey(t *testing.T, k key.Key, given sample) {
	t.Helper()
	before, err := rendered(t, given.without, "")
	if given.without != "" && given.beside != "" {
		before, err = rendered(t, given.without, either(given.base, baseOf(k.Path, given.beside)))
	}
	if err != nil {
		t.Fatalf("without it: %v", err)
	}
	after, err := rendered(t, given.with, given.beside)
	if given.unwritable {
		if err == nil || !strings.Contains(err.Error(), "Compose has no such key") {
			t.Fatalf("it is %v, want a refusal by the schema", err)
		}
		return
	}
	named := k.Path[strings.LastIndexByte(k.Path, '.')+1:]
	switch k.Treatment {
	case key.Refused:
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), named) || !strings.Contains(err.Error(), "compose.yaml:") {
			t.Fatalf("it is %v, want an error that names %s with its line", err, named)
		}
		return
	case key.LeftOut:
		if err != nil || !slices.ContainsFunc(after.warnings, func(w string) bool {
			return strings.HasPrefix(w, "compose.yaml:") && strings.Contains(w, named) && strings.Contains(w, k.Text)
		}) {
			t.Fatalf("it gives %v and %q, want a warning that names %s with its line", err, after.warnings, named)
		}
	case key.Mapped:
		if err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(before.objects, after.objects) && (!given.warns || cmp.Equal(before.warnings, after.warnings)) {
			t.Fatalf("it changes nothing:\n%s", after.objects)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.objects, after.objects); diff != "" {
		t.Errorf("it changes what runs:\n%s", diff)
	}
}

func either(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// baseOf returns what stands beside services without the key itself.
func baseOf(path, beside string) string {
	section, _, _ := strings.Cut(path, ".")
	switch section {
	case "configs":
		return "configs: {c: {content: before}}\n"
	case "secrets":
		return "secrets: {s: {external: true}}\n"
	case "volumes":
		return "volumes: {data: {}}\n"
	}
	return beside
}

// objects are what runs and is built, and what is said.
type objects struct {
	objects  string
	warnings []string
}

// rendered makes the objects of a service with some text, beside another one.
func rendered(t *testing.T, text, beside string) (objects, error) {
	t.Helper()
	image := "    image: registry.example/a:1\n"
	if strings.HasPrefix(text, "image:") || strings.HasPrefix(text, "build:") {
		image = ""
	}
	file := "services:\n  a:\n" + image + "    " + text + "\n  b: {image: 'registry.example/b:1', environment: {B: b}}\n" + beside
	dockerfile := "FROM registry.example/base\n"
	got, err := expand(t, project.Compose{File: "compose.yaml", Variables: map[string]string{"VALUE": "v"}}, map[string]string{
		"compose.yaml": file, "included.yaml": "services: {c: {image: 'registry.example/c:1'}}\n", "a.env": "E='1'\n", "c/Dockerfile": dockerfile, "c/Other": dockerfile,
	})
	if err != nil {
		return objects{}, err
	}
	made := objects{warnings: got.warnings}
	for _, in := range got.workloads {
		in.Hosts = []string{"a.example"}
		all, _, err := workload.Objects(in)
		if err != nil {
			return objects{}, err
		}
		for _, object := range all {
			encoded, err := workload.Encode(object.Body)
			if err != nil {
				t.Fatal(err)
			}
			made.objects += string(encoded) + "\n"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got.builds)) {
		made.objects += fmt.Sprintf("%s is built from %+v\n", name, got.builds[name])
	}
	return made, nil
}
