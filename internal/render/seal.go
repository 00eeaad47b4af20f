package render

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
)

// SealHashes returns, by the name of the Secret, a hash of its sealed values.
// It is all that rendering knows of them.
func SealHashes(sealed project.Sealed) map[string]string {
	if len(sealed) == 0 {
		return nil
	}
	hashes := make(map[string]string, len(sealed))
	for name, values := range sealed {
		hash := sha256.New()
		for _, key := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(hash, "%d:%s %d:%s ", len(key), key, len(values[key]), values[key])
		}
		hashes[name] = hex.EncodeToString(hash.Sum(nil)[:16])
	}
	return hashes
}

// rollers are the kinds whose pods are replaced when their template changes.
func rollers() []string { return []string{"Deployment", "StatefulSet", "DaemonSet"} }

// sealHash returns what an object's pods are to be annotated with so that they
// are replaced when a sealed value changes that they use; empty when they use
// none.
func (r Request) sealHash(object map[string]any) string {
	if kind, _ := object["kind"].(string); len(r.Sealed) == 0 || !slices.Contains(rollers(), kind) {
		return ""
	}
	pods := podTemplate(object)
	used := map[string]bool{}
	secretNames(pods, used)
	hash, any := sha256.New(), false
	for _, name := range slices.Sorted(maps.Keys(used)) {
		if sealed, is := r.Sealed[name]; is {
			fmt.Fprintf(hash, "%s=%s ", name, sealed)
			any = true
		}
	}
	if !any {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil)[:8])
}

func podTemplate(object map[string]any) map[string]any {
	spec, _ := object["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	return template
}

// secretNames adds every Secret that a pod template refers to by its
// environment or its volumes.
func secretNames(value any, used map[string]bool) {
	switch value := value.(type) {
	case []any:
		for _, child := range value {
			secretNames(child, used)
		}
	case map[string]any:
		for key, child := range value {
			reference, _ := child.(map[string]any)
			name, _ := cmp.Or(reference["name"], reference["secretName"]).(string)
			if name != "" && (key == "secretRef" || key == "secretKeyRef" || key == "secret") {
				used[name] = true
			}
			secretNames(child, used)
		}
	}
}

// annotate sets the hash on the pods of an object that was rendered.
func (r Request) annotate(object kustomization.Object) {
	hash := r.sealHash(object.Fields)
	if hash == "" {
		return
	}
	metadata := child(podTemplate(object.Fields), "metadata")
	child(metadata, "annotations")[naming.AnnotationSealHash] = hash
}

// child returns the map under a key, which it makes when there is none.
func child(parent map[string]any, key string) map[string]any {
	inner, ok := parent[key].(map[string]any)
	if !ok {
		inner = map[string]any{}
		parent[key] = inner
	}
	return inner
}

// sealPatches say the same to Kustomize, for what leaves Slipway.
func (r Request) sealPatches(objects []kustomization.Object) ([]types.Patch, error) {
	var patches []types.Patch
	for _, object := range objects {
		hash := r.sealHash(object.Fields)
		if hash == "" {
			continue
		}
		annotations := map[string]any{"annotations": map[string]any{naming.AnnotationSealHash: hash}}
		patch, err := patchOf(object, map[string]any{
			"apiVersion": object.Fields["apiVersion"], "kind": object.Fields["kind"],
			"metadata": map[string]any{"name": object.Metadata("name")},
			"spec":     map[string]any{"template": map[string]any{"metadata": annotations}},
		})
		if err != nil {
			return nil, err
		}
		patches = append(patches, patch)
	}
	return patches, nil
}
