package compare

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// object is one rendered object.
type object struct {
	name string // Kind/name
	text []byte
}

// JSON returns the object as JSON.
func (o object) JSON() (json.RawMessage, error) {
	text, err := yaml.YAMLToJSON(o.text)
	if err != nil {
		return nil, fmt.Errorf("read the rendered %s: %w", o.name, err)
	}
	return text, nil
}

// identity is what names an object.
type identity struct {
	Kind     any `json:"kind"`
	Metadata struct {
		Name any `json:"name"`
	} `json:"metadata"`
}

// DecodeObjects splits rendered manifests. Of each object only the name is kept beside
// its text: the fields of all would take fifty times that.
func DecodeObjects(manifests []byte) ([]object, error) {
	var objects []object
	for i, text := range bytes.Split(manifests, []byte("\n---\n")) {
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		one := object{text: append(bytes.TrimRight(text, "\n"), '\n')}
		var is identity
		if err := yaml.Unmarshal(text, &is); err != nil {
			return nil, fmt.Errorf("read rendered object %d: %w", i, err)
		}
		one.name = fmt.Sprintf("%v/%v", is.Kind, is.Metadata.Name)
		objects = append(objects, one)
	}
	return objects, nil
}
