package convert

import (
	"context"
	"strings"

	"github.com/slipway-dev/slipway/internal/detect/files"
	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/detect/language"
	"github.com/slipway-dev/slipway/internal/detect/source"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
)

// Converted is what was made of another platform's files.
type Converted struct {
	Services []found.Service
	Left     []found.Left
	Hints    []string
	// Files are those that were read.
	Files []string
}

// platform is one whose files are understood.
type platform struct {
	name string
	// files returns the paths of a repository's files of the platform.
	files   func(t *files.Tree) []string
	convert func(ctx context.Context, c *conversion) error
}

// platforms returns those that are known.
func platforms() []platform {
	return []platform{
		{"compose", composeFiles, fromCompose},
		{"render.yaml", at("render.yaml", "render.yml"), fromRender},
		{"app.json", at("app.json"), fromAppJSON},
		{"Procfile", at("Procfile"), fromProcfile},
		{"mogenius", mogeniusFiles, fromMogenius},
		{"helmrelease", helmReleaseFiles, fromHelmReleases},
	}
}

// Names returns what can be converted.
func Names() []string {
	var names []string
	for _, p := range platforms() {
		names = append(names, p.name)
	}
	return names
}

// at finds the first of some files at the repository's top.
func at(names ...string) func(*files.Tree) []string {
	return func(t *files.Tree) []string {
		if name := (files.Dir{Tree: t, Path: "."}).First(names...); name != "" {
			return []string{name}
		}
		return nil
	}
}

// conversion is one while it is made.
type conversion struct {
	Converted
	tree *files.Tree
	// names are the paths of the files.
	names []string
}

// Convert makes services of a platform's files: the one that is named, or
// those at their usual place.
func Convert(ctx context.Context, t *files.Tree, from, file string) (Converted, error) {
	for _, p := range platforms() {
		if !strings.EqualFold(p.name, from) {
			continue
		}
		c := &conversion{tree: t}
		switch c.names = p.files(t); {
		case file != "" && !t.Has(file):
			return Converted{}, fault.New(fault.NotFound, "there is no file %.200q in the repository; name one with --file", file)
		case file != "":
			c.names = []string{file}
		case len(c.names) == 0:
			return Converted{}, fault.New(fault.NotFound, "the repository has no file of %s at its usual place; name it with --file", p.name)
		}
		c.Files = c.names
		err := p.convert(ctx, c)
		return c.Converted, err
	}
	return Converted{}, fault.New(fault.Invalid, "%.60q can't be converted; give --from one of %s", from, strings.Join(Names(), ", "))
}

func (c *conversion) leave(where, reason string) {
	c.Left = append(c.Left, found.Left{Where: where, Reason: reason})
}

// build returns a service that is built from a directory: by its Dockerfile, or
// by one that is written for the program in it.
func (c *conversion) build(dir, dockerfile, context string) (found.Service, bool) {
	d := files.Dir{Tree: c.tree, Path: dir}
	name := dockerfile
	if name == "" {
		name = d.Join("Dockerfile")
	}
	if c.tree.Has(name) {
		if context == "" {
			context = dir
		}
		return (source.Dockerfile{Path: name, Context: context}).Service(c.tree), true
	}
	if dockerfile != "" {
		c.leave(dockerfile, "it is not in the repository; correct the path")
		return found.Service{}, false
	}
	service, ok, refusals := language.Program(d)
	if !ok {
		if len(refusals) == 0 {
			c.leave(dir, "there is neither a Dockerfile nor a program of a language that is known; add a Dockerfile")
		}
		for _, refusal := range refusals {
			c.leave(refusal.Path, refusal.Reason)
		}
	}
	return service, ok
}

// database returns a service of a template that stands for a database of
// another platform.
func database(name, template, why string, with map[string]any) found.Service {
	service := found.Service{Name: found.Name(name), Why: why, Spec: project.Service{Template: template}}
	if len(with) > 0 {
		service.Spec.With = with
	}
	return service
}

// unreached takes away what a service has that nobody reaches.
func unreached(service *found.Service, port bool) {
	service.Spec.Routes = nil
	service.Forget("EXPOSE")
	if !port {
		service.Spec.Port, service.Spec.Health = 0, nil
		delete(service.Spec.Env, "PORT")
	}
}
