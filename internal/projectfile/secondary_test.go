package projectfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
)

func small(t *testing.T) *Document {
	t.Helper()
	doc, err := Parse("slipway.yaml", fileWith(nil))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func secondaryFile(t *testing.T, name, text string) Secondary {
	t.Helper()
	doc, err := ParseSecondary(name+":slipway.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Secondary{Document: doc, Repository: "https://git.example/" + name + ".git"}
}

const apiFile = `version: 1
project: shop
services:
  api:
    build: {context: api}
    port: 8080
    stages: {production: {build: {target: prod}, scale: {min: 2}}}
  cache: {image: "redis:7"}
  other: {build: {repository: "https://git.example/third.git"}}
`

func TestWithFurtherServices(t *testing.T) {
	doc, err := small(t).With(secondaryFile(t, "api", apiFile))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"api", "cache", "other", "web"}, doc.File.ServiceNames()); diff != "" {
		t.Fatalf("services (-want +got):\n%s", diff)
	}
	services := doc.Effective("production")
	api := services["api"]
	if api.Build.Repository != "https://git.example/api.git" || api.Build.Context != "api" || api.Build.Target != "prod" || api.Scale.Min != 2 || api.Build.Dockerfile != "Dockerfile" {
		t.Errorf("api is %+v, built from %+v", api, api.Build)
	}
	if doc.Effective("staging")["api"].Build.Target != "" {
		t.Error("an override of one stage counts in another")
	}
	if got := services["other"].Build.Repository; got != "https://git.example/third.git" {
		t.Errorf("other is built from %s", got)
	}
	if services["cache"].Build != nil || services["web"].Build != nil {
		t.Error("a service that is not built got a build")
	}
	for path, want := range map[string]string{"services.api.port": "api:slipway.yaml:6:5", "services.web.port": "slipway.yaml:9:30", "stages[0].name": "slipway.yaml:6:10"} {
		file, line, column := doc.Where(path)
		if got := fmt.Sprintf("%s:%d:%d", file, line, column); !strings.HasPrefix(got, want[:strings.Index(want, ":")+1]) || line == 0 {
			t.Errorf("%s is in %s, want %s", path, got, want)
		}
	}
	for _, value := range doc.Explain("production") {
		if strings.HasPrefix(value.Path, "services.api.") && value.Origin != "default" && !strings.Contains(value.Origin, "api:slipway.yaml:") && value.Path != "services.api.build.repository" {
			t.Errorf("the origin of %s is %s", value.Path, value.Origin)
		}
	}
	if len(small(t).File.Services) != 1 {
		t.Error("the primary file was changed")
	}
}

func TestFurtherServicesRefused(t *testing.T) {
	many := "version: 1\nproject: shop\nservices:\n" + many(grammar.MaxServices, "  s%d: {build: {}}\n")
	tests := map[string]struct {
		files []string
		want  []string
	}{
		"a name of the primary file": {[]string{"version: 1\nproject: shop\nservices: {web: {build: {}}}\n"}, []string{"f0:slipway.yaml:3:12: services.web: project shop has a service web already, in slipway.yaml:10:3; choose another name"}},
		"a name of another":          {[]string{apiFile, apiFile}, []string{"services.api: project shop has a service api already, in f0:slipway.yaml:4:3", "services.cache: ", "services.other: "}},
		"another project":            {[]string{"version: 1\nproject: other\nservices: {a: {build: {}}}\n"}, []string{`f0:slipway.yaml:2:10: project: is "other", but the repository belongs to project "shop"`}},
		"a chart":                    {[]string{"version: 1\nproject: shop\nservices: {a: {helm: {chart: a}}, b: {kustomize: b}, c: {compose: {file: c}}}\n"}, []string{"services.a: a service from helm", "services.b: a service from kustomize", "services.c: a service from compose"}},
		"a stage that is not there":  {[]string{"version: 1\nproject: shop\nservices: {a: {build: {}, stages: {prodution: {port: 80}}}}\n"}, []string{`services.a.stages.prodution: there is no stage "prodution" in the project's primary file; did you mean production?`}},
		"too many":                   {[]string{many}, []string{"more than 200 services together"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var all []Secondary
			for i, text := range test.files {
				all = append(all, secondaryFile(t, fmt.Sprintf("f%d", i), text))
			}
			_, err := small(t).With(all...)
			problems, ok := errors.AsType[Problems](err)
			if !ok || len(problems) != len(test.want) || fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("want %d problems, got %v", len(test.want), err)
			}
			for i, want := range test.want {
				if !strings.Contains(problems[i].Error(), want) {
					t.Errorf("want %q, got %q", want, problems[i])
				}
			}
		})
	}
}
