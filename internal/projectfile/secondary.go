package projectfile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// Secondary is the checked file of a secondary repository of the project.
type Secondary struct {
	*Document
	// Repository is the clone URL that the services are built from unless they
	// name another.
	Repository string
}

// With returns the project's file with the services that secondary repositories
// declare. The error, if any, is of type Problems, with places in their files.
func (doc *Document) With(secondary ...Secondary) (*Document, error) {
	if len(secondary) == 0 {
		return doc, nil
	}
	merged := &Document{File: &project.File{}, name: doc.name, root: doc.root, homes: map[string]*Document{}, grammar: doc.grammar}
	*merged.File = *doc.File
	merged.File.Services = maps.Clone(doc.File.Services)
	services := &syntax.Node{Kind: syntax.Map, Entries: slices.Clone(doc.root.Get("services").Entries)}
	var problems Problems
	for _, f := range secondary {
		r := syntax.NewReport(f.name)
		j := joiner{Report: r, into: merged, from: f}
		services.Entries = append(services.Entries, j.join()...)
		if err, ok := r.Err().(Problems); ok { //nolint:errorlint // err returns nothing else
			problems = append(problems, err...)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	rest := doc.root.Without("services").Entries
	merged.root = &syntax.Node{Kind: syntax.Map, At: doc.root.At, Entries: append(slices.Clone(rest), syntax.Entry{Key: "services", Value: services})}
	return merged, nil
}

// joiner adds the services of one secondary file.
type joiner struct {
	*syntax.Report
	into *Document
	from Secondary
}

// join adds the services and returns their nodes.
func (j *joiner) join() []syntax.Entry {
	root := j.from.root
	if want := j.into.File.Project; j.from.File.Project != want {
		j.Beyond(root.Get("project").At, "project", fmt.Sprintf("is %q, but the repository belongs to project %q", syntax.Clip(j.from.File.Project), want), "write project: "+want)
		return nil
	}
	var added []syntax.Entry
	for _, e := range root.Get("services").Entries {
		if len(j.into.File.Services) == grammar.MaxServices {
			j.Beyond(e.At, e.Value.Path(), fmt.Sprintf("the project's files declare more than %d services together", grammar.MaxServices), "remove some")
			return nil
		}
		if j.service(e) {
			added = append(added, syntax.Entry{Key: e.Key, At: e.At, Value: j.built(e.Value)})
		}
	}
	return added
}

// service adds one service to the file and reports whether it may be there.
func (j *joiner) service(e syntax.Entry) bool {
	service := j.from.File.Services[e.Key]
	if _, taken := j.into.File.Services[e.Key]; taken {
		first := j.into.home(e.Key)
		line, column := first.Position(syntax.Join("services", e.Key))
		j.Beyond(e.At, e.Value.Path(), fmt.Sprintf("project %s has a service %s already, in %s:%d:%d", j.into.File.Project, e.Key, first.name, line, column), "choose another name")
		return false
	}
	switch source := service.Source(); source {
	case project.SourceCompose, project.SourceHelm, project.SourceKustomize:
		j.Beyond(e.At, e.Value.Path(), fmt.Sprintf("a service from %s needs files of its repository, and stages are rendered from the primary one", source), "declare it there; here, use build, image or template")
		return false
	}
	known := true
	for _, stage := range slices.Sorted(maps.Keys(service.Stages)) {
		if _, found := j.into.File.Stage(stage); !found {
			known = false
			path := syntax.Join(e.Value.Path()+".stages", stage)
			at, _ := j.from.root.Find(path)
			j.Beyond(at, path, `there is no stage "`+syntax.Clip(stage)+`" in the project's primary file`, syntax.Suggest(stage, stagesOf(j.into.File)))
		}
	}
	if service.Build != nil && service.Build.Repository == "" {
		build := *service.Build
		build.Repository = j.from.Repository
		service.Build = &build
	}
	j.into.File.Services[e.Key] = service
	j.into.homes[e.Key] = j.from.Document
	return known
}

// built returns a service's node with the repository that it is built from.
func (j *joiner) built(service *syntax.Node) *syntax.Node {
	if service.Get("build") == nil {
		return service
	}
	return syntax.Merge(syntax.NewMap("build", syntax.NewMap("repository", syntax.NewString(j.from.Repository))), service)
}

func stagesOf(file *project.File) []string {
	names := make([]string, 0, len(file.Stages))
	for _, s := range file.Stages {
		names = append(names, s.Name)
	}
	return names
}

// home returns the document that declares a service.
func (doc *Document) home(service string) *Document {
	if other := doc.homes[service]; other != nil {
		return other
	}
	return doc
}
