package render

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
	"github.com/slipway-dev/slipway/internal/render/source"
)

// Version is raised whenever equal requests and files are rendered differently
// than before: manifests that were rendered by another version are not taken for
// what this one would render. A test compares it with the goldens.
const Version = "3"

// Render makes the manifests of a stage from collected files. It is pure, but
// no two Renders may run at once in one process, and it doesn't look at the
// context while Kustomize runs: callers that need parallelism or an end use a
// worker.Pool.
func Render(ctx context.Context, req Request, files Files) (Result, error) {
	return render(ctx, allSources(), req, files)
}

func render(ctx context.Context, sources source.Map, req Request, files Files) (Result, error) {
	if req.Builds {
		return findBuilds(ctx, sources, req, files)
	}
	l, secrets, err := arrange(ctx, sources, req, files)
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

// arrange lays out everything that Kustomize is to see. The Secrets that
// templates need come with it.
func arrange(ctx context.Context, sources source.Map, req Request, files Files) (*layout, []Secret, error) {
	if err := req.check(); err != nil {
		return nil, nil, err
	}
	req, secrets, err := req.expand(sources)
	if err != nil {
		return nil, nil, err
	}
	l := newLayout(req, files)
	bases, err := l.bases(ctx, sources)
	if err != nil {
		return nil, nil, err
	}
	return l, secrets, l.layers(bases)
}

func build(l *layout) (Result, error) {
	if l.isEmpty() {
		return Result{}, nil
	}
	objects, err := kustomization.Build(l.tree, ".")
	if err != nil {
		return Result{}, l.inRepository(err)
	}
	if l.request.Explain {
		return Result{Origins: l.origins(objects)}, nil
	}
	result := Result{Warnings: l.warnings}
	unpinned := map[string]bool{}
	for i, object := range objects {
		result.Warnings = append(result.Warnings, l.generated.check(object)...)
		l.request.annotate(object)
		l.request.containment().Complete(object.Fields)
		text, err := object.Text()
		if err != nil {
			return Result{}, err
		}
		if i > 0 {
			result.Manifests = append(result.Manifests, "---\n"...)
		}
		result.Manifests = append(result.Manifests, text...)
		if err := addUnpinned(object, unpinned); err != nil {
			return Result{}, err
		}
	}
	result.Images = slices.Sorted(maps.Keys(unpinned))
	return result, nil
}

// addUnpinned adds the object's images without a digest.
func addUnpinned(object kustomization.Object, unpinned map[string]bool) error {
	return eachImage(object.Fields, func(ref string) (string, error) {
		if strings.HasPrefix(ref, BuiltImage+"/") {
			return "", fault.New(fault.Invalid, "%s: the image %.100q stands for a service that Slipway builds, but no such image was built; correct the service's name", object.Name(), ref)
		}
		if !IsPinned(ref) {
			unpinned[ref] = true
		}
		return ref, nil
	})
}
