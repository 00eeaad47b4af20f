package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/original"
)

// kustomizeDirectories finds directories that kustomize builds by themselves.
func kustomizeDirectories(corpus string) ([]candidate, error) {
	var all []candidate
	names := []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
	return all, eachFile(corpus, func(repository, name string) {
		if !slices.Contains(names, path.Base(name)) {
			return
		}
		c := candidate{repository: repository, root: filepath.Join(corpus, repository), name: path.Dir(name)}
		c.services = []project.Service{{Kustomize: c.name}}
		c.original = func() error { return buildable(c.root, c.name, path.Base(name)) }
		all = append(all, c)
	})
}

var (
	component = regexp.MustCompile(`(?m)^kind:\s*Component\s*$`)
	// elsewhere is how a kustomization file refers to another machine.
	elsewhere = regexp.MustCompile(`(?m)^\s*-\s*["']?(https?://|git@|git::|ssh://|github\.com/)`)
)

// buildable reports why kustomize doesn't build a directory by itself.
func buildable(root, dir, file string) error {
	text, err := os.ReadFile(filepath.Join(root, dir, file))
	if err != nil {
		return err
	}
	switch {
	case component.Match(text):
		return errors.New("it is a component")
	case refersElsewhere(os.DirFS(root), dir, 0):
		return errors.New("it refers to another machine, which is not asked")
	}
	_, err = original.Kustomize(filepath.Join(root, dir))
	return err
}

// listed is what a kustomization file lists.
var listed = regexp.MustCompile(`(?m)^\s*-\s*["']?([^\s"'#:]+)["']?\s*$`)

// refersElsewhere reports whether a directory, or one that it lists, refers to
// another machine.
func refersElsewhere(repository fs.FS, dir string, depth int) bool {
	for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
		text, err := fs.ReadFile(repository, path.Join(dir, name))
		if err != nil {
			continue
		}
		if elsewhere.Match(text) {
			return true
		}
		for _, found := range listed.FindAllSubmatch(text, -1) {
			below := path.Join(dir, string(found[1]))
			if info, err := fs.Stat(repository, below); depth < 20 && err == nil && info.IsDir() && refersElsewhere(repository, below, depth+1) {
				return true
			}
		}
	}
	return false
}

// charts finds charts that are no part of another one.
func charts(corpus string) ([]candidate, error) {
	var all []candidate
	return all, eachFile(corpus, func(repository, name string) {
		root := filepath.Join(corpus, repository)
		if path.Base(name) != "Chart.yaml" || insideChart(os.DirFS(root), path.Dir(name)) {
			return
		}
		c := candidate{repository: repository, root: root, name: path.Dir(name)}
		c.services = []project.Service{{Helm: &project.Helm{Chart: c.name}}}
		c.original = func() error {
			_, err := original.Helm(context.Background(), filepath.Join(root, c.name), "field", "field")
			return err
		}
		all = append(all, c)
	})
}

// insideChart reports whether a directory above is a chart.
func insideChart(repository fs.FS, dir string) bool {
	for dir != "." && strings.Contains(dir, "/") {
		dir = path.Dir(dir)
		if _, err := fs.Stat(repository, path.Join(dir, "Chart.yaml")); err == nil {
			return true
		}
	}
	return false
}
