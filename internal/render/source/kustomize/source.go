package kustomize

import (
	"context"
	"path"

	"github.com/slipway-dev/slipway/internal/render/kustomization"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// field is the key of the project file.
const field = "kustomize"

// Source implements source.Source for the key kustomize.
type Source struct{ source.Concrete }

// References returns the directory.
func (Source) References(s source.Service) []source.Reference {
	return []source.Reference{{Field: field, Path: s.Spec.Kustomize, Kind: source.Kustomization}}
}

// Collect reads what the directory refers to.
func (Source) Collect(ctx context.Context, r *tree.Reader, s source.Service) error {
	at := s.Place(field)
	dir, err := tree.Resolve(at, ".", s.Spec.Kustomize)
	if err != nil {
		return err
	}
	_, err = kustomization.Walk(ctx, r, at, dir)
	return err
}

// Base returns the directory itself.
func (Source) Base(_ context.Context, s source.Service, _ map[string][]byte) (source.Base, error) {
	return source.Base{Directory: path.Clean(s.Spec.Kustomize)}, nil
}
