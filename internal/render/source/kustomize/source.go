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
	if _, err = kustomization.Walk(ctx, r, at, dir); err != nil {
		return err
	}
	return refuseComponent(r, at, dir)
}

// refuseComponent refuses a component, which has nothing to change by itself.
func refuseComponent(r *tree.Reader, at tree.Place, dir string) error {
	for _, name := range kustomization.FileNames() {
		data, found := r.Files()[path.Join(dir, name)]
		if !found {
			continue
		}
		file, err := kustomization.Parse(path.Join(dir, name), data, r.Limits())
		if err != nil {
			return err
		}
		if file.IsComponent() {
			return at.Refuse("%s is a component, which changes what others bring; name it as an overlay, or list it under components of a kustomization.yaml with resources", tree.Quote(dir))
		}
	}
	return nil
}

// Base returns the directory itself.
func (Source) Base(_ context.Context, s source.Service, _ map[string][]byte) (source.Base, error) {
	return source.Base{Directory: path.Clean(s.Spec.Kustomize)}, nil
}
