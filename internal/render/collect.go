package render

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
	sourcecompose "github.com/slipway-dev/slipway/internal/render/source/compose"
	sourcehelm "github.com/slipway-dev/slipway/internal/render/source/helm"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Collect reads from a commit's tree every file that rendering the request
// needs, and refuses references to anything else. Its errors are coded and
// name the place in the repository.
func Collect(ctx context.Context, fsys fs.FS, req Request, limits Limits) (Files, error) {
	return CollectFrom(ctx, tree.FromFS(fsys), req, limits)
}

// CollectFrom is Collect from any source.
func CollectFrom(ctx context.Context, source tree.Source, req Request, limits Limits) (Files, error) {
	if err := req.check(); err != nil {
		return Files{}, err
	}
	req, _, err := req.expand()
	if err != nil {
		return Files{}, err
	}
	c := &collector{reader: tree.NewReader(source, limits), request: req}
	if err := c.kustomizations(ctx); err != nil {
		return Files{}, err
	}
	seen := maps.Clone(c.reader.Files())
	if err := c.sources(ctx); err != nil {
		return Files{}, err
	}
	return Files{Tree: seen, Sources: c.reader.Files(), Overlays: c.found}, nil
}

type collector struct {
	reader  *tree.Reader
	request Request
	found   []Overlay
}

// place returns where the project file speaks of a service.
func place(service, field string) tree.Place {
	at := tree.Place{File: project.FileName, Field: "services." + service}
	if field != "" {
		at.Field += "." + field
	}
	return at
}

// kustomizations reads all that Kustomize itself will read.
func (c *collector) kustomizations(ctx context.Context) error {
	for _, name := range c.request.serviceNames() {
		ref := c.request.Services[name].Kustomize
		if ref == "" {
			continue
		}
		at := place(name, "kustomize")
		dir, err := tree.Resolve(at, ".", ref)
		if err != nil {
			return err
		}
		if _, err := kustomization.Walk(ctx, c.reader, at, dir); err != nil {
			return err
		}
	}
	if err := c.overlays(ctx); err != nil {
		return err
	}
	return c.checkNesting()
}

// sources reads what the other sources become bases of.
func (c *collector) sources(ctx context.Context) error {
	for _, name := range c.request.serviceNames() {
		if err := c.source(ctx, name, c.request.Services[name]); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) source(ctx context.Context, name string, s project.Service) error {
	switch s.Source() {
	case project.SourceBuild, project.SourceImage, project.SourceKustomize:
		return nil
	case project.SourceCompose:
		return sourcecompose.Collect(ctx, c.reader, place(name, ""), *s.Compose)
	case project.SourceHelm:
		return sourcehelm.Collect(ctx, c.reader, place(name, ""), *s.Helm)
	}
	return place(name, "").Refuse("the service has no source; give it one of build, image, template, compose, helm, kustomize")
}

// overlays reads the project's and the stage's overlay.
func (c *collector) overlays(ctx context.Context) error {
	for _, given := range []struct{ field, ref string }{
		{"overlay", c.request.ProjectOverlay},
		{"stages." + c.request.Stage + ".overlay", c.request.Overlay},
	} {
		if given.ref == "" {
			continue
		}
		at := tree.Place{File: project.FileName, Field: given.field}
		dir, err := tree.Resolve(at, ".", given.ref)
		if err != nil {
			return err
		}
		if len(c.found) > 0 && c.found[0].Directory == dir {
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
	for _, name := range c.request.serviceNames() {
		ref := c.request.Services[name].Kustomize
		if ref == "" {
			continue
		}
		for _, overlay := range c.found {
			dir := path.Clean(ref)
			if tree.Inside(dir, overlay.Directory) && !slices.Contains(overlay.Reaches, dir) {
				return place(name, "kustomize").Refuse("the directory %s holds the overlay %s, which Kustomize takes for a cycle; move the overlay beside it", tree.Quote(dir), tree.Quote(overlay.Directory))
			}
		}
	}
	return nil
}

func join(dir, name string) string { return path.Join(dir, name) }
