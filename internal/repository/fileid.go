package repository

import (
	"context"
	"errors"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
)

// FileID returns the object id of the project file of a commit of the primary
// repository, empty for none.
func (s *Sources) FileID(ctx context.Context, p *v1alpha1.Project, commit string) (string, error) {
	tree, err := s.Tree(ctx, p, p.Primary(), commit)
	if err != nil {
		return "", err
	}
	id, err := tree.Hash(project.FileName)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return id, err
}
