package render

import (
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render/kustomization"
	"github.com/slipway-dev/slipway/internal/render/source"
)

// generated are the texts of fields that are derived from the stage's seed.
type generated map[source.GeneratedText]bool

// check makes sure that an object says it holds generated values only when it
// does: guard lets such Secrets pass. The warnings name what else a Secret holds,
// which everybody knows who can read the repository.
func (g generated) check(object kustomization.Object) (warnings []string) {
	metadata, _ := object.Fields["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	if _, claims := annotations[naming.AnnotationGenerated]; !claims {
		return nil
	}
	if !g.in("", object.Fields) {
		if delete(annotations, naming.AnnotationGenerated); len(annotations) == 0 {
			delete(metadata, "annotations")
		}
		return nil
	}
	if object.Fields["kind"] != "Secret" {
		return nil
	}
	for _, name := range []string{"data", "stringData"} {
		values, _ := object.Fields[name].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if text, _ := values[key].(string); text != "" && !g.in(key, text) {
				warnings = append(warnings, fmt.Sprintf("%s: %s.%s is not generated: everybody who can read the repository knows it; name a Secret that the stage holds where it must stay unknown", object.Name(), name, key))
			}
		}
	}
	return warnings
}

// in reports whether a value that is under a key holds a generated text.
func (g generated) in(key string, value any) bool {
	switch value := value.(type) {
	case string:
		return g[source.GeneratedText{Key: key, Text: value}]
	case map[string]any:
		for name, child := range value {
			if g.in(name, child) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, func(child any) bool { return g.in(key, child) })
	}
	return false
}
