package render

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
)

// Render makes the manifests of a stage from collected files. It is pure, but
// no two Renders may run at once in one process, and it doesn't look at the
// context while Kustomize runs: callers that need parallelism or an end use a
// worker.Pool.
func Render(ctx context.Context, req Request, files Files) (Result, error) {
	if err := req.check(); err != nil {
		return Result{}, err
	}
	req, secrets, err := req.expand()
	if err != nil {
		return Result{}, err
	}
	l, err := arrange(ctx, req, files)
	if err != nil {
		return Result{}, err
	}
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("render %s/%s: %w", req.Project, req.Stage, err)
	}
	result, err := build(l)
	result.Secrets = secrets
	return result, err
}

// arrange lays out everything that Kustomize is to see.
func arrange(ctx context.Context, req Request, files Files) (*layout, error) {
	l := newLayout(req, files)
	bases, err := l.bases(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.layers(bases); err != nil {
		return nil, err
	}
	return l, nil
}

func build(l *layout) (Result, error) {
	if len(l.request.Services) == 0 && len(l.files.Overlays) == 0 {
		return Result{}, nil
	}
	objects, err := kustomization.Build(l.tree, ".")
	if err != nil {
		return Result{}, err
	}
	if l.request.Explain {
		return Result{Origins: l.origins(objects)}, nil
	}
	result := Result{Warnings: l.warnings}
	unpinned := map[string]bool{}
	for i, object := range objects {
		if object, err = l.request.annotate(object); err != nil {
			return Result{}, err
		}
		if i > 0 {
			result.Manifests = append(result.Manifests, "---\n"...)
		}
		result.Manifests = append(result.Manifests, object.Text...)
		if err := noteImages(object, unpinned); err != nil {
			return Result{}, err
		}
	}
	result.Images = slices.Sorted(maps.Keys(unpinned))
	return result, nil
}

// noteImages adds the object's images without a digest.
func noteImages(object kustomization.Object, unpinned map[string]bool) error {
	return eachImage(object.Fields, func(ref string) (string, error) {
		if strings.HasPrefix(ref, BuiltImage+"/") {
			return "", fault.New(fault.Invalid, "%s: the image %.100q stands for a service that Slipway builds, but no such image was built; correct the service's name", object.Name(), ref)
		}
		if !strings.Contains(ref, "@") {
			unpinned[ref] = true
		}
		return ref, nil
	})
}
