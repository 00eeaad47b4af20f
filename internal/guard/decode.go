package guard

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	yamlstream "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// maxObjects is how many objects a stage's manifests may hold.
const maxObjects = 5000

// decode reads YAML documents. Empty ones are passed over; one that is no
// Kubernetes object is an error.
func decode(manifests []byte) ([]*unstructured.Unstructured, error) {
	reader := yamlstream.NewYAMLReader(bufio.NewReader(bytes.NewReader(manifests)))
	var objects []*unstructured.Unstructured
	for n := 1; ; n++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		var fields map[string]any
		if err := yaml.UnmarshalStrict(document, &fields); err != nil {
			return nil, fmt.Errorf("document %d: %w", n, err)
		}
		if len(fields) == 0 {
			continue
		}
		object := &unstructured.Unstructured{Object: fields}
		if object.GetKind() == "" || object.GetAPIVersion() == "" {
			return nil, fmt.Errorf("document %d: has no apiVersion and kind", n)
		}
		if len(objects) == maxObjects {
			return nil, fmt.Errorf("more than %d objects", maxObjects)
		}
		objects = append(objects, object)
	}
}

// field returns a field of a map, nil when there is none.
func field(value any, name string) any {
	fields, _ := value.(map[string]any)
	return fields[name]
}

// at follows names through maps.
func at(value any, names ...string) any {
	for _, name := range names {
		value = field(value, name)
	}
	return value
}

func text(value any, name string) string {
	s, _ := field(value, name).(string)
	return s
}

func list(value any, name string) []any {
	l, _ := field(value, name).([]any)
	return l
}

// truth reports whether a field is the boolean true.
func truth(value any, name string) bool {
	b, _ := field(value, name).(bool)
	return b
}

// present reports whether a field is set to anything but nothing.
func present(value any, name string) bool {
	switch v := field(value, name).(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}
