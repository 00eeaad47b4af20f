package hostile

import (
	"io/fs"
	"testing/fstest"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
)

// Case is one hostile repository.
type Case struct {
	Name    string
	Tree    fs.FS
	Request render.Request
	// Says are parts of the message that refuses it. A case without any
	// renders, and is harmless, or is refused by the guard: see Guarded.
	Says []string
	// Guarded cases render; their manifests are what the guard must refuse.
	Guarded bool
}

// Cases returns the corpus. Address is a host and port at which nobody must
// ever be heard, and Path a file of this machine that nobody must read.
func Cases(address, path string) []Case {
	var all []Case
	for _, group := range [][]Case{
		remoteCases(address), escapeCases(path), programCases(path), shapeCases(), bombCases(),
		chartCases(address), chartBombCases(), composeCases(address, path), guardedCases(),
	} {
		all = append(all, group...)
	}
	return all
}

// files are a small repository.
type files map[string]string

func (f files) tree() fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range f {
		fsys[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return fsys
}

func request(services map[string]project.Service) render.Request {
	return render.Request{Organization: "acme", Project: "shop", Stage: "dev", Services: services}
}

// raw renders the Kustomize directory "raw".
func raw(name string, f files, says ...string) Case {
	return Case{
		Name: name, Tree: f.tree(), Says: says,
		Request: request(map[string]project.Service{"raw": {Kustomize: "raw"}}),
	}
}

// kustomization is a repository with one kustomization file and one object.
func kustomization(name, text string, says ...string) Case {
	return raw(name, files{"raw/kustomization.yaml": text, "raw/config.yaml": configMap}, says...)
}

// resource is a repository with one object.
func resource(name, text string, says ...string) Case {
	return raw(name, files{"raw/kustomization.yaml": "resources: [object.yaml]\n", "raw/object.yaml": text}, says...)
}

// guarded is a repository with one object that the guard must refuse.
func guarded(name, text string) Case {
	c := resource(name, text)
	c.Guarded = true
	return c
}

// chart renders a chart with one template.
func chart(name, template string, says ...string) Case {
	return chartFiles(name, files{"chart/templates/object.yaml": template}, says...)
}

func chartFiles(name string, f files, says ...string) Case {
	if _, given := f["chart/Chart.yaml"]; !given {
		f["chart/Chart.yaml"] = "apiVersion: v2\nname: chart\nversion: 1.0.0\n"
	}
	return Case{
		Name: "chart: " + name, Tree: f.tree(), Says: says,
		Request: request(map[string]project.Service{"search": {Helm: &project.Helm{Chart: "chart"}}}),
	}
}

// compose renders one service of a Compose file.
func compose(name, service string, says ...string) Case {
	return composeFile(name, "services:\n  one:\n    image: one:1\n"+service, says...)
}

func composeFile(name, text string, says ...string) Case {
	return Case{
		Name: "compose: " + name, Tree: files{"compose.yaml": text, "sub/compose.yaml": text}.tree(), Says: says,
		Request: request(map[string]project.Service{"legacy": {Compose: &project.Compose{File: "compose.yaml"}}}),
	}
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata: {a: \"1\"}\n"
