package compare

import (
	"bytes"
	"fmt"

	"sigs.k8s.io/yaml"
)

// object is one rendered object.
type object struct {
	name   string // Kind/name
	text   []byte
	Fields map[string]any
}

// DecodeObjects splits rendered manifests.
func DecodeObjects(manifests []byte) ([]object, error) {
	var objects []object
	for i, text := range bytes.Split(manifests, []byte("\n---\n")) {
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		one := object{text: append(bytes.TrimRight(text, "\n"), '\n')}
		if err := yaml.Unmarshal(text, &one.Fields); err != nil {
			return nil, fmt.Errorf("read rendered object %d: %w", i, err)
		}
		metadata, _ := one.Fields["metadata"].(map[string]any)
		one.name = fmt.Sprintf("%v/%v", one.Fields["kind"], metadata["name"])
		objects = append(objects, one)
	}
	return objects, nil
}
