package file

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/slipway-dev/slipway/internal/cli/exit"
	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// references checks that what a project file names exists in the repository.
type references struct {
	name     string
	document *projectfile.Document
	files    tree.Source
	own      render.OwnTemplates
	problems projectfile.Problems
}

// check returns what is missing, sorted by position.
func (r *references) check() projectfile.Problems {
	r.kustomization("overlay", r.document.File.Overlay)
	for i, stage := range r.document.File.Stages {
		r.kustomization(fmt.Sprintf("stages[%d].overlay", i), stage.Overlay)
	}
	r.services("", "")
	for _, stage := range r.document.File.Stages {
		r.services(stage.Name, ".stages."+stage.Name)
	}
	slices.SortStableFunc(r.problems, func(a, b projectfile.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.What, b.What))
	})
	// A stage that overrides nothing repeats what is wrong with the service.
	return slices.CompactFunc(r.problems, func(a, b projectfile.Problem) bool {
		return a.Line == b.Line && a.Column == b.Column && a.What == b.What
	})
}

// services checks the services as a stage rule has them; below is where a
// service holds what it overrides for the rule.
func (r *references) services(rule, below string) {
	services := r.document.Effective(rule)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		at := "services." + name
		if line, _ := r.document.Position(at + below); below != "" && line == 0 {
			continue
		}
		r.service(func(field string) string {
			if line, _ := r.document.Position(at + below + "." + field); line > 0 {
				return at + below + "." + field
			}
			return at + "." + field
		}, name, services[name])
	}
}

// service checks what one service names; at returns where it does.
func (r *references) service(at func(field string) string, name string, s project.Service) {
	if s.Source() == project.SourceTemplate {
		r.template(at, name, s)
		return
	}
	for _, ref := range render.References(name, s) {
		switch ref.Kind {
		case source.File:
			r.file(at(ref.Field), ref.Path, ref.Noun)
		case source.Kustomization:
			r.kustomization(at(ref.Field), ref.Path)
		case source.Directory:
			if !r.directory(at(ref.Field), ref.Path) {
				return // what is named below it is missing too
			}
		case source.Anything:
			r.anything(at(ref.Field), ref.Path)
		}
	}
}

// anything checks that there is something at a path.
func (r *references) anything(at, name string) {
	if _, err := r.files.Look(path.Clean(name)); err != nil {
		r.missing(at, name, err, "correct the path, or remove it")
	}
}

// template expands a template and checks what comes of it.
func (r *references) template(at func(string) string, name string, s project.Service) {
	expanded, _, err := render.ExpandTemplates(map[string]project.Service{name: s}, r.own)
	if err != nil {
		r.add(at("template"), exit.MessageOf(err), "slipway templates list and show tell what there is")
		return
	}
	for _, one := range slices.Sorted(maps.Keys(expanded)) {
		r.service(func(string) string { return at("template") }, one, expanded[one])
	}
}

// kustomization checks for a directory with a kustomization file.
func (r *references) kustomization(at, dir string) {
	if dir == "" || !r.directory(at, dir) {
		return
	}
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		if mode, err := r.files.Look(path.Join(dir, name)); err == nil && mode.IsRegular() {
			return
		}
	}
	r.add(at, "the directory "+tree.Quote(dir)+" holds no kustomization.yaml", "add one, or correct the path")
}

// directory reports whether a directory exists.
func (r *references) directory(at, name string) bool {
	mode, err := r.files.Look(path.Clean(name))
	switch {
	case err != nil:
		r.missing(at, name, err, "create the directory, or correct the path")
	case !mode.IsDir():
		r.add(at, tree.Quote(name)+" is no directory", "name a directory; symbolic links are not followed")
	default:
		return true
	}
	return false
}

// file checks that a file exists.
func (r *references) file(at, name, what string) {
	mode, err := r.files.Look(path.Clean(name))
	switch {
	case err != nil:
		remedy := "add " + what + " there, or correct the path"
		if what == "a Dockerfile" {
			remedy += "; slipway init writes one"
		}
		r.missing(at, name, err, remedy)
	case !mode.IsRegular():
		r.add(at, tree.Quote(name)+" is no regular file", "name a file; symbolic links are not followed")
	}
}

func (r *references) missing(at, name string, err error, remedy string) {
	if errors.Is(err, fs.ErrNotExist) {
		r.add(at, "the repository has no "+tree.Quote(name), remedy)
		return
	}
	r.add(at, fmt.Sprintf("%s can't be read: %v", tree.Quote(name), err), remedy)
}

func (r *references) add(at, what, remedy string) {
	line, column := offline.Position(r.document, at)
	r.problems = append(r.problems, projectfile.Problem{File: r.name, Line: line, Column: column, Path: at, What: what, Remedy: remedy})
}
