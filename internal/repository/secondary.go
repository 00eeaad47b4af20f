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

// maxSecondary is how many commits of secondary repositories a head has.
const maxSecondary = 100

// FileAt returns the project file of a commit as it applies now, with the head
// that means this file from now on: it records where the refs of secondary
// repositories are.
func (s *Sources) FileAt(ctx context.Context, p *v1alpha1.Project, fileCommit string) (*projectfile.Document, v1alpha1.Head, error) {
	head := v1alpha1.Head{FileCommit: fileCommit}
	var err error
	if head.Secondary, err = s.secondary(ctx, p); err != nil {
		return nil, head, err
	}
	document, id, err := s.File(ctx, p, head)
	if err != nil {
		return nil, head, err
	}
	head.FileID = id
	head, err = s.withBuilt(ctx, p, document.File, head)
	return document, head, err
}

// secondary reads where the default branches of the project's secondary
// repositories are now. A repository without one is left out.
func (s *Sources) secondary(ctx context.Context, p *v1alpha1.Project) ([]v1alpha1.RepositoryCommit, error) {
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
		commit, found := recorded(commits, repository, "")
		if !found {
			continue
		}
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

// recorded returns the commit that a head has of a repository's ref.
func recorded(commits []v1alpha1.RepositoryCommit, repository v1alpha1.Repository, ref string) (commit string, found bool) {
	at := slices.IndexFunc(commits, func(c v1alpha1.RepositoryCommit) bool { return c.Repository == repository.Name && c.Ref == ref })
	if at < 0 {
		return "", false
	}
	return commits[at].Commit, true
}

// withBuilt adds to a head the commits of secondary repositories that the file's
// services are built from, and to its id, so that a push to one of them is
// released like one to the primary. What is named there and does not exist is
// left to the release, which says so where it is written.
func (s *Sources) withBuilt(ctx context.Context, p *v1alpha1.Project, file *project.File, head v1alpha1.Head) (v1alpha1.Head, error) {
	state := head.FileID
	read := map[string]git.Heads{}
	for _, build := range foreignBuilds(file) {
		repository, err := repositoryByURL(p, build.Repository)
		if err != nil {
			continue
		}
		heads, known := read[repository.Name]
		if !known {
			if heads, err = s.Heads(ctx, p, repository); err != nil {
				return v1alpha1.Head{}, fmt.Errorf("repository %s: %w", repository.Name, err)
			}
			read[repository.Name] = heads
		}
		if commit, found := commitAt(heads, build.Ref); found {
			state += " " + repository.Name + ":" + build.Ref + "=" + commit
			head.Secondary = withCommit(head.Secondary, v1alpha1.RepositoryCommit{Repository: repository.Name, Ref: build.Ref, Commit: commit})
		}
	}
	if len(head.Secondary) > maxSecondary {
		return v1alpha1.Head{}, fault.New(fault.Invalid, "%s: services are built from %d refs of other repositories, more than %d; build from fewer", project.FileName, len(head.Secondary), maxSecondary)
	}
	if state != head.FileID {
		head.FileID = stateID(state)
	}
	return head, nil
}

// withCommit adds a commit unless its repository's ref has one: all services of
// one head are built from the same commit of a ref.
func withCommit(commits []v1alpha1.RepositoryCommit, c v1alpha1.RepositoryCommit) []v1alpha1.RepositoryCommit {
	for _, known := range commits {
		if known.Repository == c.Repository && known.Ref == c.Ref {
			return commits
		}
	}
	return append(commits, c)
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
