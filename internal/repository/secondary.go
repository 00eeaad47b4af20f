package repository

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
)

// withSecondary adds the services that the project's further repositories
// declare on their default branches. The id then changes with each commit
// there, so that a push to one of them is released like one to the primary
// file.
func (s *Sources) withSecondary(ctx context.Context, p *v1alpha1.Project, document *projectfile.Document, id string) (*projectfile.Document, string, error) {
	var all []projectfile.Further
	state := id
	for _, repository := range p.Spec.Repositories[1:] {
		further, commit, err := s.secondary(ctx, p, repository)
		if err != nil {
			return nil, "", err
		}
		if further == nil {
			continue
		}
		all = append(all, projectfile.Further{Document: further, Repository: repository.URL})
		state += " " + repository.Name + "=" + commit
	}
	if len(all) == 0 {
		return document, id, nil
	}
	merged, err := document.With(all...)
	if err != nil {
		return nil, "", fault.Wrap(fault.Invalid, err, "%s", err.Error())
	}
	return merged, stateID(state), nil
}

// WithBuiltRepositories adds to a project file's id what its services build from further
// repositories, so that a push to one of them is released like one to the
// primary. What is named there and does not exist is left to the release,
// which says so where it is written.
func (s *Sources) WithBuiltRepositories(ctx context.Context, p *v1alpha1.Project, file *project.File, id string) (string, error) {
	state := id
	read := map[string]git.Heads{}
	for _, build := range foreignBuilds(file) {
		repository, err := repositoryByURL(p, build.Repository)
		if err != nil {
			continue
		}
		heads, known := read[repository.Name]
		if !known {
			if heads, err = s.Heads(ctx, p, repository); err != nil {
				return "", fmt.Errorf("repository %s: %w", repository.Name, err)
			}
			read[repository.Name] = heads
		}
		if commit, found := commitAt(heads, build.Ref); found {
			state += " " + repository.Name + ":" + build.Ref + "=" + commit
		}
	}
	if state == id {
		return id, nil
	}
	return stateID(state), nil
}

// foreignBuilds returns the builds of other repositories, in the order of
// their services' names.
func foreignBuilds(file *project.File) []project.Build {
	var builds []project.Build
	add := func(service project.Service) {
		if service.Build != nil && service.Build.Repository != "" {
			builds = append(builds, *service.Build)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(file.Services)) {
		service := file.Services[name]
		add(service)
		for _, stage := range slices.Sorted(maps.Keys(service.Stages)) {
			add(service.Stages[stage])
		}
	}
	return builds
}

// stateID makes an id of what a file's id and further commits are.
func stateID(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:20])
}

// secondary reads the project file of a further repository; nil when it has
// none, which is usual: another service builds from it then.
func (s *Sources) secondary(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository) (*projectfile.Document, string, error) {
	heads, err := s.Heads(ctx, p, repository)
	if err != nil {
		return nil, "", fmt.Errorf("repository %s: %w", repository.Name, err)
	}
	commit, found := heads.Refs[heads.Default]
	if !found {
		return nil, "", nil
	}
	tree, err := s.Tree(ctx, p, repository, commit)
	if err != nil {
		return nil, "", err
	}
	id, err := tree.Hash(project.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	name := repository.Name + ":" + project.FileName
	document, err := s.parsed(tree, strings.Join([]string{"further", name, id}, "/"), name, projectfile.ParseSecondary)
	return document, commit, err
}
