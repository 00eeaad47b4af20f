package image

import (
	"cmp"
	"context"
	"fmt"
	"path"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// Source implements source.Source for the keys build and image.
type Source struct{ source.Concrete }

// References returns what an image is built from, unless that is in another
// repository.
func (Source) References(s source.Service) []source.Reference {
	b := s.Spec.Build
	if b == nil || b.Repository != "" {
		return nil
	}
	references := []source.Reference{
		{Field: "build.context", Path: b.Context, Kind: source.Directory},
		{Field: "build.dockerfile", Path: path.Join(b.Context, b.Dockerfile), Kind: source.File, Noun: "a Dockerfile"},
	}
	for i, watched := range b.Watch {
		references = append(references, source.Reference{Field: fmt.Sprintf("build.watch[%d]", i), Path: watched})
	}
	return references
}

// Collect reads nothing: the project file says everything.
func (Source) Collect(context.Context, *tree.Reader, source.Service) error { return nil }

// Base returns the one workload that runs the image.
func (Source) Base(_ context.Context, s source.Service, _ map[string][]byte) (source.Base, error) {
	image := cmp.Or(s.Image, s.Spec.Image)
	if s.Spec.Build != nil && s.Image == "" {
		return source.Base{}, fault.New(fault.Invalid, "service %s: its image is not built yet; build it, or give its image, before rendering", s.Name)
	}
	return source.Base{
		Workloads: []workload.Input{{Name: s.Name, Service: s.Spec, Image: image, Expands: s.FromTemplate}},
		From:      project.FileName + " (services." + s.Name + ")",
	}, nil
}
