package comment

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/report"
	"github.com/slipway-dev/slipway/internal/scm"
)

// tree is what is read of a commit.
type tree interface {
	// Hash returns the object id of a file or directory. An error that is
	// fs.ErrNotExist says that there is none.
	Hash(path string) (string, error)
	ReadFile(path string) ([]byte, error)
}

// forkChange says what of a fork's commit, which waits to be approved, would decide
// what runs: it is read, and nothing of it is rendered or built.
func (r *Reconciler) forkChange(ctx context.Context, p *v1alpha1.Project, request scm.PullRequest) (report.ForkChange, error) {
	base := p.Status.FileCommit
	if p.Status.File != nil {
		base = p.Status.File.Commit
	}
	change := report.ForkChange{Commit: request.Head.Commit}
	ref, err := r.Pulls.Ref(ctx, p, request.Number)
	if fault.CodeOf(err) == fault.Invalid {
		return change, nil // the preview says so once it is approved
	}
	if err != nil {
		return change, err
	}
	document, _, err := r.check(ctx, p, base)
	if err != nil || document == nil {
		return change, err
	}
	trusted, err := r.Sources.Tree(ctx, p, p.Primary(), base)
	if err != nil {
		return change, err
	}
	theirs, err := r.Sources.ForkTree(ctx, p, ref, request.Head.Commit)
	if err != nil {
		return change, err
	}
	change.Lines, change.Diffs, err = compareTrees(trusted, theirs, document.File)
	return change, err
}

// part is a file or directory that decides what runs.
type part struct {
	path, what string
	shown      bool // with the lines that differ
}

// compareTrees says which parts of a project differ between two commits, and how
// Dockerfiles and the project file do.
func compareTrees(base, theirs tree, file *project.File) (lines []string, diffs []report.FileDiff, err error) {
	for _, one := range partsOf(file) {
		before, err := idOf(base, one.path)
		if err != nil {
			return nil, nil, err
		}
		after, err := idOf(theirs, one.path)
		if err != nil {
			return nil, nil, err
		}
		verb := "changes"
		switch {
		case before == after:
			continue
		case before == "":
			verb = "adds"
		case after == "":
			verb = "removes"
		}
		lines = append(lines, fmt.Sprintf("%s %s (%s)", verb, one.path, one.what))
		if one.shown {
			diffs = append(diffs, report.DiffOf(one.path, read(base, one.path), read(theirs, one.path)))
		}
	}
	return lines, diffs, nil
}

// partsOf returns the parts of a project, each path once.
func partsOf(file *project.File) []part {
	parts := []part{{project.FileName, "not followed: services, overlays and rights are those of the trusted ref", true}}
	add := func(at, what string, shown bool) {
		at = path.Clean(at)
		if at != "." && !slices.ContainsFunc(parts, func(p part) bool { return p.path == at }) {
			parts = append(parts, part{at, what, shown})
		}
	}
	if file.Overlay != "" {
		add(file.Overlay, "the overlay of every stage", false)
	}
	for _, rule := range file.Stages {
		if rule.Overlay != "" && file.Previews != nil && rule.Name == file.Previews.From {
			add(rule.Overlay, "the overlay of stage "+rule.Name, false)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(file.Services)) {
		addService(name, file.Services[name], add)
	}
	return parts
}

// addService adds the parts of a service that its repository holds.
func addService(name string, service project.Service, add func(at, what string, shown bool)) {
	if b := service.Build; b != nil && b.Repository == "" {
		dockerfile := b.Dockerfile
		if dockerfile == "" {
			dockerfile = "Dockerfile"
		}
		add(path.Join(b.Context, dockerfile), "service "+name+" is built by it", true)
		add(b.Context, "service "+name+" is built from it", false)
		if service.Release != nil {
			for _, word := range service.Release.Command {
				add(path.Join(b.Context, strings.TrimPrefix(word, "/")), "the release command of service "+name+" names it", false)
			}
		}
	}
	if service.Compose != nil {
		for _, one := range append([]string{service.Compose.File}, service.Compose.Files...) {
			if one != "" {
				add(one, "service "+name+" is made from it, with its commands and hooks", false)
			}
		}
	}
	if service.Helm != nil {
		add(service.Helm.Chart, "service "+name+" is made from it, with its hooks", false)
	}
	if service.Kustomize != "" {
		add(service.Kustomize, "service "+name+" is made from it, with its Jobs", false)
	}
}

// idOf returns the object id of what is at a path, empty for nothing.
func idOf(t tree, at string) (string, error) {
	id, err := t.Hash(at)
	if errors.Is(err, fs.ErrNotExist) || fault.CodeOf(err) == fault.Invalid {
		return "", nil
	}
	return id, err
}

// read returns a file; what is none has no lines.
func read(t tree, at string) string {
	data, err := t.ReadFile(at)
	if err != nil {
		return ""
	}
	return string(data)
}
