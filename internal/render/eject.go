package render

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

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
	if err := l.addSeal(); err != nil {
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

// addSeal patches what Render annotates with the hashes of sealed values.
func (l *layout) addSeal() error {
	if len(l.request.Sealed) == 0 {
		return nil
	}
	objects, err := kustomization.Build(l.tree, ".")
	if err != nil {
		return err
	}
	patches, err := l.request.sealPatches(objects)
	if err != nil || len(patches) == 0 {
		return err
	}
	return l.edit(fileName, func(k *types.Kustomization) { k.Patches = append(k.Patches, patches...) })
}
