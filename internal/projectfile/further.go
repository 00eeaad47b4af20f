package projectfile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
)

// Further is the checked file of a further repository of the project.
type Further struct {
	*Document
	// Repository is the clone URL that the services are built from unless they
	// name another.
	Repository string
}

// With returns the project's file with the services that further repositories
// declare. The error, if any, is of type Problems, with places in the further
// files.
func (doc *Document) With(further ...Further) (*Document, error) {
	if len(further) == 0 {
		return doc, nil
	}
	merged := &Document{File: &project.File{}, name: doc.name, root: doc.root, homes: map[string]*Document{}}
	*merged.File = *doc.File
	merged.File.Services = maps.Clone(doc.File.Services)
	services := &node{kind: kindMap, entries: slices.Clone(doc.root.get("services").entries)}
	var problems Problems
	for _, f := range further {
		r := newReport(f.name)
		j := joiner{report: r, into: merged, from: f}
		services.entries = append(services.entries, j.join()...)
		if err, ok := r.err().(Problems); ok { //nolint:errorlint // err returns nothing else
			problems = append(problems, err...)
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	rest := doc.root.without("services").entries
	merged.root = &node{kind: kindMap, at: doc.root.at, entries: append(slices.Clone(rest), entry{key: "services", value: services})}
	return merged, nil
}

// joiner adds the services of one further file.
type joiner struct {
	*report
	into *Document
	from Further
}

// join adds the services and returns their nodes.
func (j *joiner) join() []entry {
	root := j.from.root
	if want := j.into.File.Project; j.from.File.Project != want {
		j.beyond(root.get("project").at, "project", fmt.Sprintf("is %q, but the repository belongs to project %q", clip(j.from.File.Project), want), "write project: "+want)
		return nil
	}
	var added []entry
	for _, e := range root.get("services").entries {
		if len(j.into.File.Services) == MaxServices {
			j.beyond(e.at, e.value.path(), fmt.Sprintf("the project's files declare more than %d services together", MaxServices), "remove some")
			return nil
		}
		if j.service(e) {
			added = append(added, entry{key: e.key, at: e.at, value: j.built(e.value)})
		}
	}
	return added
}

// service adds one service to the file and reports whether it may be there.
func (j *joiner) service(e entry) bool {
	service := j.from.File.Services[e.key]
	if _, taken := j.into.File.Services[e.key]; taken {
		first := j.into.home(e.key)
		line, column := first.Position(join("services", e.key))
		j.beyond(e.at, e.value.path(), fmt.Sprintf("project %s has a service %s already, in %s:%d:%d", j.into.File.Project, e.key, first.name, line, column), "choose another name")
		return false
	}
	switch source := service.Source(); source {
	case project.SourceCompose, project.SourceHelm, project.SourceKustomize:
		j.beyond(e.at, e.value.path(), fmt.Sprintf("a service from %s needs files of its repository, and stages are rendered from the primary one", source), "declare it there; here, use build, image or template")
		return false
	}
	known := true
	for _, stage := range slices.Sorted(maps.Keys(service.Stages)) {
		if _, found := j.into.File.Stage(stage); !found {
			known = false
			path := join(e.value.path()+".stages", stage)
			at, _ := j.from.root.find(path)
			j.beyond(at, path, `there is no stage "`+clip(stage)+`" in the project's primary file`, suggest(stage, stagesOf(j.into.File)))
		}
	}
	if service.Build != nil && service.Build.Repository == "" {
		build := *service.Build
		build.Repository = j.from.Repository
		service.Build = &build
	}
	j.into.File.Services[e.key] = service
	j.into.homes[e.key] = j.from.Document
	return known
}

// built returns a service's node with the repository that it is built from.
func (j *joiner) built(service *node) *node {
	if service.get("build") == nil {
		return service
	}
	return merge(mapOf("build", mapOf("repository", textOf(j.from.Repository))), service)
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
