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

// Secondary reads where the default branches of the project's secondary
// repositories are now. A repository without one is left out.
func (s *Sources) Secondary(ctx context.Context, p *v1alpha1.Project) ([]v1alpha1.RepositoryCommit, error) {
	var found []v1alpha1.RepositoryCommit
	for _, repository := range p.Spec.Repositories[1:] {
		heads, err := s.Heads(ctx, p, repository)
		if err != nil {
			return nil, fmt.Errorf("repository %s: %w", repository.Name, err)
		}
		if commit, exists := heads.Refs[heads.Default]; exists {
			found = append(found, v1alpha1.RepositoryCommit{Repository: repository.Name, Commit: commit})
		}
	}
	return found, nil
}

// withSecondary adds the services that commits of the project's secondary
// repositories declare. The id then changes with each of those commits, so that
// a push to a secondary repository is released like one to the primary.
func (s *Sources) withSecondary(ctx context.Context, p *v1alpha1.Project, document *projectfile.Document, id string, commits []v1alpha1.RepositoryCommit) (*projectfile.Document, string, error) {
	var all []projectfile.Secondary
	state := id
	for _, repository := range p.Spec.Repositories[1:] {
		at := slices.IndexFunc(commits, func(c v1alpha1.RepositoryCommit) bool { return c.Repository == repository.Name })
		if at < 0 {
			continue
		}
		commit := commits[at].Commit
		secondary, err := s.secondaryFile(ctx, p, repository, commit)
		if err != nil {
			return nil, "", err
		}
		if secondary == nil {
			continue
		}
		all = append(all, projectfile.Secondary{Document: secondary, Repository: repository.URL})
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

// WithBuiltRepositories adds to a project file's id what its services build from secondary
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

// stateID makes an id of what a file's id and secondary commits are.
func stateID(state string) string {
	sum := sha256.Sum256([]byte(state))
	return hex.EncodeToString(sum[:20])
}

// secondaryFile reads the project file of a commit of a secondary repository.
// It returns nil when there is none, which is usual: a service of the primary
// file builds from the repository then.
func (s *Sources) secondaryFile(ctx context.Context, p *v1alpha1.Project, repository v1alpha1.Repository, commit string) (*projectfile.Document, error) {
	tree, err := s.Tree(ctx, p, repository, commit)
	if err != nil {
		return nil, err
	}
	id, err := tree.Hash(project.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	name := repository.Name + ":" + project.FileName
	return s.parsed(tree, strings.Join([]string{"secondary", name, id}, "/"), name, projectfile.ParseSecondary)
}
