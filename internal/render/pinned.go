package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"sigs.k8s.io/yaml"
)

// Pinned returns the digests that Pin gave references in manifests, by
// reference. A reference with two digests is left out.
func Pinned(manifests []byte) (map[string]string, error) {
	digests, ambiguous := map[string]string{}, map[string]bool{}
	for i, document := range strings.Split(string(manifests), "\n---\n") {
		if !strings.Contains(document, "@sha256:") {
			continue
		}
		asJSON, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			return nil, fmt.Errorf("read the images of document %d: %w", i, err)
		}
		var object map[string]any
		if err := json.Unmarshal(asJSON, &object); err != nil {
			return nil, fmt.Errorf("read the images of document %d: %w", i, err)
		}
		err = eachImage(object, func(ref string) (string, error) {
			if name, digest, pinned := strings.Cut(ref, "@"); pinned {
				ambiguous[name] = ambiguous[name] || digests[name] != "" && digests[name] != digest
				digests[name] = digest
			}
			return ref, nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the images of document %d: %w", i, err)
		}
	}
	maps.DeleteFunc(digests, func(name, _ string) bool { return ambiguous[name] })
	return digests, nil
}
