package kustomization

import (
	"context"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// transformers allows only built-in ones that need nothing but their own
// fields; others name programs or files.
func (w *walk) transformers(ctx context.Context, file *File, dir string) error {
	for i, entry := range file.Content.Transformers {
		at := file.At("transformers", i)
		name, data := at.String(), []byte(entry)
		if !strings.Contains(entry, "\n") {
			var err error
			if name, data, err = w.file(ctx, at, dir, entry); err != nil {
				return err
			}
		}
		documents, err := tree.Documents(name, data, w.reader.Limits())
		if err != nil {
			return err
		}
		for _, document := range documents {
			if err := checkTransformer(at, document); err != nil {
				return err
			}
		}
		if err := w.reader.Documents(at, len(documents)); err != nil {
			return err
		}
	}
	return nil
}

func checkTransformer(at tree.Place, document *yaml.Node) error {
	if len(document.Content) != 1 {
		return at.Refuse("a transformer's document is empty; remove it")
	}
	root := document.Content[0]
	version, kind := member(root, "apiVersion"), member(root, "kind")
	if version == nil || kind == nil || version.Value != "builtin" || !slices.Contains(allowedTransformers(), kind.Value) {
		return at.Refuse("only the built-in transformers %s are allowed; use one of them or a patch", strings.Join(allowedTransformers(), ", "))
	}
	if member(member(root, "metadata"), "annotations") != nil {
		return at.Refuse("a transformer's annotations can ask for a program to run; remove them")
	}
	return nil
}
