package guard

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/manifest"
)

// Limits of what is looked at. An object over them could not be stored.
const (
	maxManifests = 64 << 20 // bytes of all documents
	maxDocument  = 3 << 19  // bytes of one: what etcd takes
	maxObjects   = 5000
)

// object is one Kubernetes object as it will be sent.
type object struct {
	apiVersion string
	kind       string
	name       string
	json       []byte
	fields     map[string]any // numbers are json.Number
}

// decode reads YAML documents. Empty ones are passed over; one that is no
// Kubernetes object is an error.
func decode(manifests []byte) ([]object, error) {
	documents, err := split(manifests)
	if err != nil {
		return nil, err
	}
	var objects []object
	for i, document := range documents {
		o, err := decodeObject(document)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		objects = append(objects, o)
	}
	return objects, nil
}

// split cuts a stream at its "---" lines. Whatever else could start or end a
// document is refused: another reader might cut there.
func split(stream []byte) ([][]byte, error) {
	if len(stream) > maxManifests {
		return nil, fmt.Errorf("they are larger than %d MiB", maxManifests>>20)
	}
	var documents [][]byte
	start, at := 0, 0
	for line := range bytes.Lines(stream) {
		end := at + len(line)
		line = bytes.TrimRight(line, " \t\r\n")
		switch {
		case bytes.IndexByte(line, '\r') >= 0:
			return nil, fmt.Errorf("document %d: a carriage return stands alone", len(documents)+1)
		case bytes.Equal(line, []byte("---")):
			documents = appendDocument(documents, stream[start:at])
			start = end
		case bytes.HasPrefix(line, []byte("---")), bytes.HasPrefix(line, []byte("...")), bytes.HasPrefix(line, []byte("%")):
			return nil, fmt.Errorf("document %d: a line begins with %q", len(documents)+1, line[:min(3, len(line))])
		}
		at = end
	}
	documents = appendDocument(documents, stream[start:])
	if len(documents) > maxObjects {
		return nil, fmt.Errorf("they hold more than %d objects", maxObjects)
	}
	return documents, nil
}

// appendDocument leaves out documents of comments and white space.
func appendDocument(documents [][]byte, document []byte) [][]byte {
	for line := range bytes.Lines(document) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return append(documents, document)
		}
	}
	return documents
}

// decodeObject reads a document as the API server would.
func decodeObject(document []byte) (object, error) {
	if len(document) > maxDocument {
		return object{}, fmt.Errorf("is larger than the %d KiB that Kubernetes stores", maxDocument>>10)
	}
	o := object{}
	var err error
	if o.json, o.fields, err = manifest.Read(document); err != nil {
		return object{}, err
	}
	o.apiVersion, o.kind = text(o.fields, "apiVersion"), text(o.fields, "kind")
	o.name = text(o.fields["metadata"], "name")
	if o.kind == "" || o.apiVersion == "" {
		return object{}, errors.New("has no apiVersion and kind")
	}
	return o, nil
}
