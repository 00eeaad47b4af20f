package manifest

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

// fileLimits bound what Unmarshal reads: files that a person wrote.
func fileLimits() NodeLimits {
	return NodeLimits{Nodes: 100_000, Bytes: 4 << 20, Depth: MaxDepth, Documents: 1}
}

// Unmarshal reads a file of one YAML document into a value, by the names of its JSON
// fields; fields that it doesn't have are passed over, a key that is written twice is
// refused. What would expand beyond bounds is refused before anything expands it. Every error is a Problem.
func Unmarshal(data []byte, into any) error {
	if _, err := Nodes(data, fileLimits()); err != nil {
		return err
	}
	asJSON, err := yaml.YAMLToJSONStrict(data)
	if err == nil {
		err = json.Unmarshal(asJSON, into)
	}
	if err != nil {
		return &Problem{What: fmt.Sprintf("this is not what is expected here: %v; correct it", err)}
	}
	return nil
}
