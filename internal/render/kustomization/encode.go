package kustomization

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v2"
	"sigs.k8s.io/kustomize/api/resource"
)

// decode reads the fields of an object, numbers of their kind.
func decode(one *resource.Resource) (Object, error) {
	keepTexts(one.YNode())
	asJSON, err := one.MarshalJSON()
	if err != nil {
		return Object{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()
	object := Object{}
	if err := decoder.Decode(&object.Fields); err != nil {
		return Object{}, err
	}
	if err := resolveNumbers(object.Fields); err != nil {
		return Object{}, err
	}
	return object, nil
}

// Text returns the object byte for byte as the kustomize program writes it,
// which goes from JSON to YAML: keys sorted, numbers of their kind. It only
// leaves out that program's reading of the JSON by a YAML parser.
func (o Object) Text() ([]byte, error) {
	text, err := yaml.Marshal(o.Fields)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", o.Name(), err)
	}
	return text, nil
}

// resolveNumbers replaces JSON numbers by Go's, integers where they are some.
func resolveNumbers(value any) error {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			resolved, err := resolveNumber(child)
			if err != nil {
				return err
			}
			value[key] = resolved
		}
	case []any:
		for i, child := range value {
			resolved, err := resolveNumber(child)
			if err != nil {
				return err
			}
			value[i] = resolved
		}
	}
	return nil
}

func resolveNumber(value any) (any, error) {
	number, ok := value.(json.Number)
	if !ok {
		return value, resolveNumbers(value)
	}
	if whole, err := number.Int64(); err == nil {
		return whole, nil
	}
	if large, err := strconv.ParseUint(number.String(), 10, 64); err == nil {
		return large, nil
	}
	real, err := number.Float64()
	if err != nil {
		return nil, fmt.Errorf("the number %s is too large", number)
	}
	return real, nil
}
