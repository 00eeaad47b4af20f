package repository

import (
	"context"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/git"
)

// forkSeparator stands between a repository's name and the ref of a pull request. No
// name has it.
const forkSeparator = ":"

// Fork returns the project's primary repository as far as one ref of a pull request
// leads, such as refs/pull/7/head. It has a mirror of its own: what a fork's commits
// bring is no commit of the repository, and nothing else can be released from it. The
// fork itself is never asked.
func Fork(p *v1alpha1.Project, ref string) v1alpha1.Repository {
	fork := p.Primary()
	fork.Name += forkSeparator + ref
	return fork
}

// FetchFork makes sure that a commit is there to which a pull request's ref leads.
func (s *Sources) FetchFork(ctx context.Context, p *v1alpha1.Project, ref, commit string) error {
	_, err := s.ForkTree(ctx, p, ref, commit)
	return err
}

// ForkTree returns the tree of a commit that a pull request's ref leads to.
func (s *Sources) ForkTree(ctx context.Context, p *v1alpha1.Project, ref, commit string) (*git.Tree, error) {
	return s.Tree(ctx, p, Fork(p, ref), commit)
}
