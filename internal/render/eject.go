package render

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/render/contain"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
)

// Eject returns what Render hands to Kustomize as plain files, by path:
// `kustomize build` of their directory gives the bytes that Render gives. What
// comes from services is in bases; the repository's own Kustomize directories
// are in repo, with the bases added to the overlays' resources; the file at
// the root puts everything into the stage.
func Eject(ctx context.Context, req Request, files Files) (map[string][]byte, error) {
	l, _, err := arrange(ctx, allSources(), req, files)
	if err != nil {
		return nil, err
	}
	if err := l.addPatches(); err != nil {
		return nil, err
	}
	ejected := make(map[string][]byte, len(l.tree))
	for name, data := range l.tree {
		if strings.HasPrefix(name, basesDir+"/") && bytes.HasPrefix(data, []byte("{")) {
			if data, err = yaml.JSONToYAML(data); err != nil {
				return nil, fmt.Errorf("eject %s: %w", name, err)
			}
		}
		ejected[name] = data
	}
	return ejected, nil
}

// addPatches tells Kustomize what Render does to the objects that it gets from
// there.
func (l *layout) addPatches() error {
	if l.isEmpty() {
		return nil
	}
	objects, err := kustomization.Build(l.tree, ".")
	if err != nil {
		return err
	}
	patches, err := l.request.sealPatches(objects)
	if err != nil {
		return err
	}
	completing, err := podPatches(objects, l.request.containment())
	if err != nil {
		return err
	}
	if patches = append(patches, completing...); len(patches) == 0 {
		return nil
	}
	return l.edit(fileName, func(k *types.Kustomization) { k.Patches = append(k.Patches, patches...) })
}

// podPatches add to each object what its pods lack.
func podPatches(objects []kustomization.Object, policy contain.Policy) ([]types.Patch, error) {
	var patches []types.Patch
	for _, object := range objects {
		var operations []map[string]any
		for _, addition := range policy.Missing(object.Fields) {
			operations = append(operations, map[string]any{"op": "add", "path": addition.Pointer(), "value": addition.Value})
		}
		if len(operations) == 0 {
			continue
		}
		patch, err := patchOf(object, operations)
		if err != nil {
			return nil, err
		}
		patches = append(patches, patch)
	}
	return patches, nil
}

// patchOf returns a patch of one object.
func patchOf(object kustomization.Object, content any) (types.Patch, error) {
	text, err := yaml.Marshal(content)
	if err != nil {
		return types.Patch{}, fmt.Errorf("patch %s: %w", object.Name(), err)
	}
	target := types.Selector{}
	target.Kind, target.Name = fmt.Sprint(object.Fields["kind"]), regexp.QuoteMeta(object.Metadata("name"))
	return types.Patch{Patch: string(text), Target: &target}, nil
}
