package main

import (
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// candidate is something of a repository that Slipway could deploy.
type candidate struct {
	repository string // folder of the corpus
	root       string
	name       string // path in the repository
	// services are tried in order until one is accepted.
	services []project.Service
	// original says why the program that it was written for refuses it: it does not
	// count then. Nil means that nobody asks.
	original func() error
	// try is what is done instead of rendering services; nil for nothing else.
	try func(ctx context.Context) outcome
}

// kind is one kind of what people have.
type kind struct {
	name string
	find func(corpus string) ([]candidate, error)
}

// kinds returns what is tried. A new kind is a line here.
func kinds() []kind {
	return []kind{
		{"Compose files", composeFiles},
		{"Kustomize directories", kustomizeDirectories},
		{"Charts", charts},
		{"Init of repositories", initialised},
	}
}

var composeName = regexp.MustCompile(`(?i)^(docker-)?compose[^/]*\.ya?ml$`)

// composeFiles finds Compose files by their names.
func composeFiles(corpus string) ([]candidate, error) {
	var all []candidate
	return all, eachFile(corpus, func(repository, name string) {
		if !composeName.MatchString(path.Base(name)) {
			return
		}
		c := candidate{repository: repository, root: filepath.Join(corpus, repository), name: name}
		c.services = append(c.services, project.Service{Compose: &project.Compose{File: name}})
		for _, files := range together(c.root, name) {
			c.services = append(c.services, project.Service{Compose: &project.Compose{Files: files}})
		}
		all = append(all, c)
	})
}

// together returns the files that a Compose file is meant to be used with: its
// override, or the base in its directory or one above that it completes.
func together(root, name string) [][]string {
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}
	bases := []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
	if slices.Contains(bases, path.Base(name)) {
		extension := path.Ext(name)
		if override := strings.TrimSuffix(name, extension) + ".override" + extension; exists(override) {
			return [][]string{{name, override}}
		}
		return nil
	}
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		for _, base := range bases {
			if candidate := path.Join(dir, base); exists(candidate) {
				return [][]string{{candidate, name}}
			}
		}
		if dir == "." {
			return nil
		}
	}
}

// eachFile visits the files of all repositories, sorted.
func eachFile(corpus string, visit func(repository, name string)) error {
	repositories, err := os.ReadDir(corpus)
	if err != nil {
		return err
	}
	skipped := []string{".git", "node_modules", "vendor"}
	for _, repository := range repositories {
		if !repository.IsDir() || strings.HasPrefix(repository.Name(), ".") {
			continue
		}
		root := os.DirFS(filepath.Join(corpus, repository.Name()))
		err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && slices.Contains(skipped, entry.Name()):
				return fs.SkipDir
			case entry.Type().IsRegular():
				visit(repository.Name(), name)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
