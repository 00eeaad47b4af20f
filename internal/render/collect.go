package render

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Collect reads from a commit's tree every file that rendering the request
// needs, and refuses references to anything else. Its errors are coded and
// name the place in the repository.
func Collect(ctx context.Context, fsys fs.FS, req Request, limits Limits) (Files, error) {
	return CollectFrom(ctx, tree.FromFS(fsys), req, limits)
}

// CollectFrom is Collect from any tree.
func CollectFrom(ctx context.Context, from tree.Source, req Request, limits Limits) (Files, error) {
	return collect(ctx, allSources(), from, req, limits)
}

func collect(ctx context.Context, sources source.Map, from tree.Source, req Request, limits Limits) (Files, error) {
	if err := req.check(); err != nil {
		return Files{}, err
	}
	req, _, err := req.expand(sources)
	if err != nil {
		return Files{}, err
	}
	c := &collector{reader: tree.NewReader(from, limits), request: req, sources: sources}
	if err := c.services(ctx); err != nil {
		return Files{}, err
	}
	if req.Builds {
		return Files{Sources: c.reader.Files()}, nil
	}
	if err := c.overlays(ctx); err != nil {
		return Files{}, err
	}
	if err := c.checkNesting(); err != nil {
		return Files{}, err
	}
	return Files{Tree: c.reader.Shared(), Sources: c.reader.Files(), Overlays: c.found}, nil
}

type collector struct {
	reader  *tree.Reader
	request Request
	sources source.Map
	found   []Overlay
	// directories are the services that Kustomize directories are.
	directories []directory
}

// directory is a Kustomize directory of the repository that is a service.
type directory struct {
	path string
	at   tree.Place
}

// services reads what services are made from.
func (c *collector) services(ctx context.Context) error {
	for _, service := range c.request.services(c.reader.Limits()) {
		member, err := c.sources.Of(service)
		if err != nil {
			return err
		}
		if _, builds := member.(source.Builder); c.request.Builds && !builds {
			continue
		}
		if err := member.Collect(ctx, c.reader, service); err != nil {
			return err
		}
		for _, ref := range member.References(service) {
			if ref.Kind == source.Kustomization {
				c.directories = append(c.directories, directory{path: path.Clean(ref.Path), at: service.Place(ref.Field)})
			}
		}
	}
	return nil
}

// overlays reads what the overlays refer to; one that is named twice counts
// once, at its first place.
func (c *collector) overlays(ctx context.Context) error {
	for _, given := range c.request.Overlays {
		at := tree.Place{File: project.FileName, Line: given.Line, Field: given.Field}
		dir, err := tree.Resolve(at, ".", given.Directory)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(c.found, func(o Overlay) bool { return o.Directory == dir }) {
			continue
		}
		overlay, err := c.overlay(ctx, at, dir)
		if err != nil {
			return err
		}
		c.found = append(c.found, overlay)
	}
	return nil
}

func (c *collector) overlay(ctx context.Context, at tree.Place, dir string) (Overlay, error) {
	reaches, err := kustomization.Walk(ctx, c.reader, at, dir)
	if err != nil {
		return Overlay{}, err
	}
	slices.Sort(reaches)
	name, ok := Files{Tree: c.reader.Files()}.kustomizationName(dir)
	if !ok {
		return Overlay{}, fmt.Errorf("collect %s: its kustomization file is gone", dir)
	}
	file, err := kustomization.Parse(name, c.reader.Files()[name], c.reader.Limits())
	if err != nil {
		return Overlay{}, err
	}
	return Overlay{Directory: dir, File: name, Component: file.IsComponent(), Reaches: reaches}, nil
}

// checkNesting refuses a base around an overlay, which Kustomize takes for a
// cycle.
func (c *collector) checkNesting() error {
	for _, base := range c.directories {
		for _, overlay := range c.found {
			if tree.Inside(base.path, overlay.Directory) && !slices.Contains(overlay.Reaches, base.path) {
				return base.at.Refuse("the directory %s holds the overlay %s, which Kustomize takes for a cycle; move the overlay beside it", tree.Quote(base.path), tree.Quote(overlay.Directory))
			}
		}
	}
	return nil
}

func join(dir, name string) string { return path.Join(dir, name) }
