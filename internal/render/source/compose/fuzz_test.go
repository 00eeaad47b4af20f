package compose_test

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// FuzzExpand looks for Compose files that stop the reader, or that it blames
// nobody for.
func FuzzExpand(f *testing.F) {
	cases, err := filepath.Glob("testdata/field/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "compose.yaml" {
				f.Add(string(file.Data))
			}
		}
	}
	for _, text := range []string{
		"services: {a: }", "services: {a: {image: x, build: }}", "services: {a: {image: x, networks: {n: }}}\nnetworks: {n: }",
		"services: {a: {image: x, volumes: [v]}}\nvolumes: ", "services: {a: {image: x, deploy: {resources: {limits: }}}}", "services: [a]",
		"include: {a: b}\nservices: {a: {image: x}}", "include: [{path: }]\nservices: {a: {image: x}}", "services: {a: {extends: {file: }}}", "include: \nservices: {a: {image: x}}",
		"services: {a: {extends: {file: x.yaml, service: [1]}}}", "? [a]\n: b", "services: {<<: [1]}", "services: {a: {<<: 1, image: x}}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := expand(t, project.Compose{File: "compose.yaml"}, map[string]string{
			"compose.yaml": text, "a.env": "A=b\n", "c/Dockerfile": "FROM x\nCOPY . .\nEXPOSE 80\n", "x/y": "z", "more.yaml": "services: {more: {image: x}}\n",
		})
		if err != nil && fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%v is no invalid error", err)
		}
	})
}
