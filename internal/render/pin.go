package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/render/workload"
)

// Pin replaces image references in rendered manifests. The digests are by
// reference as Result.Images has them; each is a digest (sha256:…) or a whole
// reference. Documents without such a reference keep their bytes. A release
// Job whose image is replaced is renamed, because another image makes it
// another Job.
func Pin(manifests []byte, digests map[string]string) ([]byte, error) {
	if len(digests) == 0 || len(manifests) == 0 {
		return manifests, nil
	}
	documents := bytes.Split(manifests, []byte("\n---\n"))
	for i, document := range documents {
		if !mentionsAny(document, digests) {
			continue
		}
		pinned, err := pinDocument(document, digests)
		if err != nil {
			return nil, fmt.Errorf("pin the images of document %d: %w", i, err)
		}
		if i < len(documents)-1 {
			pinned = bytes.TrimSuffix(pinned, []byte("\n"))
		}
		documents[i] = pinned
	}
	return bytes.Join(documents, []byte("\n---\n")), nil
}

// IsPinned reports whether a reference has a digest.
func IsPinned(ref string) bool { return strings.Contains(ref, "@") }

func mentionsAny(document []byte, digests map[string]string) bool {
	for ref := range digests {
		if bytes.Contains(document, []byte(ref)) {
			return true
		}
	}
	return false
}

func pinDocument(document []byte, digests map[string]string) ([]byte, error) {
	asJSON, err := yaml.YAMLToJSON(document)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	changed := false
	err = eachImage(object, func(ref string) (string, error) {
		digest, found := digests[ref]
		if !found {
			return ref, nil
		}
		changed = true
		if strings.HasPrefix(digest, "sha256:") {
			return ref + "@" + digest, nil
		}
		return digest, nil
	})
	if err != nil || !changed {
		return document, err
	}
	if err := renameHook(object); err != nil {
		return nil, err
	}
	if asJSON, err = json.Marshal(object); err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(asJSON)
}

// renameHook gives a release Job the name that goes with its pods.
func renameHook(object map[string]any) error {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	name, _ := metadata["name"].(string)
	hook, _ := annotations[workload.AnnotationHook].(string)
	spec, _ := object["spec"].(map[string]any)
	cut := strings.LastIndexByte(name, '-')
	if object["kind"] != "Job" || hook != workload.HookRelease && hook != workload.HookOnce || cut < 0 {
		return nil
	}
	text, err := json.Marshal(spec["template"])
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	metadata["name"] = name[:cut+1] + hex.EncodeToString(sum[:5])
	return nil
}

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

// eachImage calls visit with the image of every container anywhere in the
// object and stores what it returns.
func eachImage(value any, visit func(string) (string, error)) error {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			if isContainerList(key) {
				if err := containerImages(child, visit); err != nil {
					return err
				}
			}
			if err := eachImage(child, visit); err != nil {
				return err
			}
		}
	case []any:
		for _, child := range value {
			if err := eachImage(child, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func isContainerList(key string) bool {
	return key == "containers" || key == "initContainers" || key == "ephemeralContainers"
}

func containerImages(list any, visit func(string) (string, error)) error {
	containers, ok := list.([]any)
	if !ok {
		return nil
	}
	for _, entry := range containers {
		container, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		image, ok := container["image"].(string)
		if !ok {
			continue
		}
		replaced, err := visit(image)
		if err != nil {
			return err
		}
		container["image"] = replaced
	}
	return nil
}
