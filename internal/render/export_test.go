package render

import (
	"context"
	"io/fs"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// WithSource collects and renders like Collect and Render, with one more line
// in the map of sources.
func WithSource(ctx context.Context, kind string, member source.Source, fsys fs.FS, req Request) (Result, error) {
	sources := allSources()
	sources[project.SourceKind(kind)] = member
	files, err := collect(ctx, sources, tree.FromFS(fsys), req, DefaultLimits())
	if err != nil {
		return Result{}, err
	}
	return render(ctx, sources, req, files)
}
