package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	yamlnode "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/printable"
)

// Limits of a document that Read reads; Split bounds its size.
const (
	MaxDepth    = 100  // levels of nesting
	MaxElements = 2000 // of one list
)

// maxShown is how many characters of the parser's words an error shows.
const maxShown = 200

// Read returns a document as JSON, and its fields; numbers are json.Number.
// Errors read behind "the document" and never quote what might be a Secret.
func Read(document []byte) (asJSON []byte, fields map[string]any, err error) {
	if asJSON, err = toJSON(document); err != nil {
		return nil, nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()
	if decoder.Decode(&fields) != nil || fields == nil {
		return nil, nil, errors.New("is no map of fields")
	}
	return asJSON, fields, checkBounds(fields, 0)
}

// toJSON converts a document. What the parser says may quote the document, so
// it is dropped for what might be a Secret; a panic of the parser is an error.
func toJSON(document []byte) (converted []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("is not valid YAML")
		}
	}()
	if err := refuseAliases(document); err != nil {
		return nil, err
	}
	converted, err = yaml.YAMLToJSONStrict(document)
	if err != nil && bytes.Contains(document, []byte("Secret")) {
		return nil, errors.New("is the manifest of a Secret and not valid YAML")
	}
	if err != nil {
		return nil, fmt.Errorf("is not valid YAML: %s", printable.Excerpt(err.Error(), maxShown))
	}
	return converted, nil
}

// refuseAliases refuses YAML aliases, before anything expands them: rendered
// manifests have none, and a few of them make a document without end.
func refuseAliases(document []byte) error {
	if bytes.IndexByte(document, '&') < 0 || bytes.IndexByte(document, '*') < 0 {
		return nil
	}
	var root yamlnode.Node
	if yamlnode.Unmarshal(document, &root) != nil {
		return nil // the conversion says what is wrong
	}
	if hasAlias(&root) {
		return errors.New("holds YAML aliases")
	}
	return nil
}

func hasAlias(node *yamlnode.Node) bool {
	if node.Kind == yamlnode.AliasNode {
		return true
	}
	for _, child := range node.Content {
		if hasAlias(child) {
			return true
		}
	}
	return false
}

// checkBounds refuses values that nest too deep, and lists so long that reading
// them as a kind's fields would take hundreds of times their size.
func checkBounds(value any, level int) error {
	if level > MaxDepth {
		return fmt.Errorf("nests more than %d levels deep", MaxDepth)
	}
	switch v := value.(type) {
	case map[string]any:
		for _, element := range v {
			if err := checkBounds(element, level+1); err != nil {
				return err
			}
		}
	case []any:
		if len(v) > MaxElements {
			return fmt.Errorf("holds a list of more than %d elements", MaxElements)
		}
		for _, element := range v {
			if err := checkBounds(element, level+1); err != nil {
				return err
			}
		}
	}
	return nil
}
