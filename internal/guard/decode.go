package guard

import (
	"errors"
	"fmt"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/manifest"
)

// Limits of what is looked at. An object over them could not be stored.
const (
	maxManifests = 64 << 20 // bytes of all documents
	maxDocument  = 1 << 20  // bytes of one: what is applied; etcd takes little more
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

// each reads YAML documents one after the other, so that only one is in memory at a
// time: read, a document may take fifty times its size. Empty ones are passed over;
// one that is no Kubernetes object is an error.
func each(manifests []byte, look func(object)) error {
	documents, err := manifest.Split(manifests, manifest.StreamLimits{Bytes: maxManifests, Document: maxDocument, Documents: maxObjects})
	if err != nil {
		return unreadable(err)
	}
	for i, document := range documents {
		o, err := decodeObject(document)
		if err != nil {
			return unreadable(fmt.Errorf("document %d: %w", i+1, err))
		}
		look(o)
	}
	return nil
}

func unreadable(err error) error {
	return fault.Wrap(fault.Invalid, err, "the rendered manifests are not valid: %v; correct the overlay or source that they come from", err)
}

// decodeObject reads a document as the API server would.
func decodeObject(document []byte) (object, error) {
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
