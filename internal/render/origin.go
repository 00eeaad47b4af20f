package render

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
)

// Renderer renders a stage: a worker.Pool, or this package's own functions.
type Renderer interface {
	Render(ctx context.Context, tree fs.FS, request Request) (Result, error)
}

// Origins renders once more, for the files that each object comes from, by
// Kind/name. That takes time, so it is done only to say where something is
// wrong.
func Origins(ctx context.Context, renderer Renderer, tree fs.FS, request Request) (map[string]string, error) {
	request.Explain = true
	result, err := renderer.Render(ctx, tree, request)
	if err != nil {
		return nil, fmt.Errorf("find where objects come from: %w", err)
	}
	return result.Origins, nil
}

// origins returns the objects' origins in words, with paths as in the
// repository.
func (l *layout) origins(objects []kustomization.Object) map[string]string {
	all := make(map[string]string, len(objects))
	for _, object := range objects {
		metadata, _ := object.Fields["metadata"].(map[string]any)
		words := l.source(object.Origin.File)
		if by := changes(object.Origin); len(by) > 0 {
			words += ", through " + strings.Join(by, ", ")
		}
		all[fmt.Sprintf("%v/%v", object.Fields["kind"], metadata["name"])] = words
	}
	return all
}

// source names what a file of the tree was made from.
func (l *layout) source(file string) string {
	if name, found := strings.CutPrefix(file, repoDir+"/"); found {
		return name
	}
	if made := l.made[file]; made != "" {
		return made
	}
	return l.made[path.Dir(file)]
}

// place returns where the repository has a declaration.
func (l *layout) place(d kustomization.Declaration) string {
	if name, found := strings.CutPrefix(d.At.File, repoDir+"/"); found {
		d.At.File = name
		return d.At.String()
	}
	return cmp.Or(l.source(d.At.File), d.At.File) // a template, which has other lines
}

// baseFile is a file of a base in a message, with its line.
var baseFile = regexp.MustCompile(basesDir + `/[^\s:]+(:\d+)?`)

// inRepository replaces in an error the files of bases by what they were made from.
func (l *layout) inRepository(err error) error {
	message := baseFile.ReplaceAllStringFunc(fault.MessageOf(err), func(found string) string {
		file, _, _ := strings.Cut(found, ":") // whose lines are not those of a template
		return cmp.Or(l.source(file), found)
	})
	return fault.Wrap(fault.CodeOf(err), err, "%s", message)
}

// changes are the repository's kustomization files that may have changed an
// object: Kustomize notes which ones it went through.
func changes(origin kustomization.Origin) []string {
	var by []string
	for _, file := range origin.Changed {
		if name, found := strings.CutPrefix(file, repoDir+"/"); found && file != origin.File && !slices.Contains(by, name) {
			by = append(by, name)
		}
	}
	return by
}
