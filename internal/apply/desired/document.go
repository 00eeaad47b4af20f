package desired

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/manifest"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Document is one object as it should be. One that is known to be the same as
// last time is never parsed: only ref, digest and what its entry says is
// known then, and object is nil.
type Document struct {
	Ref    inventory.Ref
	Digest string
	raw    []byte
	Object map[string]any
}

// digestScheme changes when the same document would be sent differently.
const digestScheme = "slipway-apply-1"

// digestOf identifies a document as it would be sent for an owner.
func digestOf(owner inventory.Owner, raw []byte) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\x00%s\x00%s\x00%s\x00", digestScheme, owner.Organization, owner.Project, owner.Stage)
	hash.Write(raw)
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:16])
}

// split cuts a stream into its non-empty documents.
func split(stream []byte) ([][]byte, error) {
	var documents [][]byte
	start := 0
	cut := func(end int) error {
		part := stream[start:end]
		if blank(part) {
			return nil
		}
		if len(part) > maxDocument {
			return fault.New(fault.Invalid, "document %d is %d KiB, more than the %d KiB that Kubernetes can store; split it", len(documents)+1, len(part)>>10, maxDocument>>10)
		}
		if len(documents) == maxDocuments {
			return fault.New(fault.Invalid, "there are more than %d objects; split the stage", maxDocuments)
		}
		documents = append(documents, part)
		return nil
	}
	for at := 0; at < len(stream); {
		end := at + bytes.IndexByte(stream[at:], '\n') + 1
		if end == at {
			end = len(stream)
		}
		line := bytes.TrimRight(stream[at:end], " \t\r\n")
		switch {
		case bytes.Equal(line, []byte("---")):
			if err := cut(at); err != nil {
				return nil, err
			}
			start = end
		case bytes.HasPrefix(line, []byte("--- ")), bytes.HasPrefix(line, []byte("...")), bytes.HasPrefix(line, []byte("%")):
			return nil, fault.New(fault.Invalid, "the manifests are not canonical: a line starts with %q; render them again", line[:1])
		}
		at = end
	}
	return documents, cut(len(stream))
}

// blank reports whether a document holds only comments and white space.
func blank(part []byte) bool {
	for line := range bytes.Lines(part) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			return false
		}
	}
	return true
}

// Parse reads the document and fills ref and object.
func (d *Document) Parse(set Set) error {
	if d.Object != nil {
		return nil
	}
	_, object, err := manifest.Read(d.raw)
	if err != nil {
		return fault.New(fault.Invalid, "a manifest %s; correct what it comes from, and render it again", err)
	}
	ref, err := identify(object, set)
	if err != nil {
		return err
	}
	if err := prepare(object, ref, set.Owner); err != nil {
		return err
	}
	d.Ref, d.Object = ref, object
	return nil
}

// identify reads what and where an object is.
func identify(object map[string]any, set Set) (inventory.Ref, error) {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if apiVersion == "" || kind == "" || name == "" {
		return inventory.Ref{}, fault.New(fault.Invalid, "a manifest (apiVersion %q, kind %q, name %q) lacks apiVersion, kind or metadata.name; add it", apiVersion, kind, name)
	}
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return inventory.Ref{}, fault.Wrap(fault.Invalid, err, "%s %s has no valid apiVersion", kind, name)
	}
	ref := inventory.Ref{Group: gv.Group, Version: gv.Version, Kind: kind, Namespace: set.Namespace, Name: name}
	if problems := content.IsPathSegmentName(name); len(problems) > 0 {
		return inventory.Ref{}, fault.New(fault.Invalid, "%s %q: the name %s; give it another", kind, printable.Excerpt(name, 80), problems[0])
	}
	if kind == "CustomResourceDefinition" {
		return inventory.Ref{}, fault.New(fault.Denied, "%s would change the whole cluster; ask the platform team to install it", ref)
	}
	if namespace, _ := metadata["namespace"].(string); namespace != "" && namespace != set.Namespace {
		return inventory.Ref{}, fault.New(fault.Denied, "%s is meant for namespace %s, but this stage lives in %s; remove metadata.namespace", ref, namespace, set.Namespace)
	}
	return ref, nil
}

// prepare gives an object the stage's labels and namespace, and removes the
// fields that only the server may set.
func prepare(object map[string]any, ref inventory.Ref, owner inventory.Owner) error {
	metadata, _ := object["metadata"].(map[string]any)
	for _, key := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp", "generateName"} {
		delete(metadata, key)
	}
	delete(object, "status")
	if ref.Namespace != "" {
		metadata["namespace"] = ref.Namespace
	}
	labels, _ := metadata["labels"].(map[string]any)
	if labels == nil {
		labels = map[string]any{}
		metadata["labels"] = labels
	}
	for key, value := range owner.Labels() {
		labels[key] = value
	}
	if ref.GroupKind() == (schema.GroupKind{Kind: "Secret"}) {
		return encodeStrings(object, ref)
	}
	return nil
}

// encodeStrings moves a Secret's stringData into data: stringData is
// write-only, so that the server can neither own nor remove its keys.
func encodeStrings(object map[string]any, ref inventory.Ref) error {
	plain, ok := object["stringData"].(map[string]any)
	delete(object, "stringData")
	if !ok {
		return nil
	}
	data, _ := object["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
		object["data"] = data
	}
	for _, key := range slices.Sorted(maps.Keys(plain)) {
		value, ok := plain[key].(string)
		if !ok {
			return fault.New(fault.Invalid, "%s: stringData.%s is no string; quote it", ref, key)
		}
		data[key] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	return nil
}

// Annotation returns an annotation's value, empty when there is none.
func (d *Document) Annotation(key string) string {
	metadata, _ := d.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[key].(string)
	return value
}

func (d *Document) label(key string) string {
	metadata, _ := d.Object["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	value, _ := labels[key].(string)
	return value
}

// Spec returns the object's spec, nil when there is none.
func (d *Document) Spec() map[string]any {
	spec, _ := d.Object["spec"].(map[string]any)
	return spec
}

// Service returns the service of the project that the object belongs to,
// empty when it belongs to none.
func (d *Document) Service() string { return d.label(naming.LabelService) }

// Hook reports whether the object is a Job that runs once, and is waited for.
func (d *Document) Hook() bool {
	hook := d.Annotation(AnnotationHook)
	return d.Ref.Kind == "Job" && (hook == HookRelease || hook == HookOnce)
}

// MayReplace reports whether the object may be deleted and made anew.
func (d *Document) MayReplace() bool { return d.Annotation(AnnotationReplace) == "true" || d.Hook() }

// After returns the services whose Jobs must have completed before the object
// is applied.
func (d *Document) After() []string {
	return strings.FieldsFunc(d.Annotation(AnnotationAfter), func(c rune) bool { return c == ',' })
}

// Keep reports whether the object outlives its manifest.
func (d *Document) Keep() bool {
	switch d.Annotation(AnnotationPrune) {
	case "true":
		return false
	case "false":
		return true
	}
	return holdsData(d.Ref.GroupKind())
}

// Once reports whether the object may vanish by itself after its work.
func (d *Document) Once() bool {
	_, ttl := d.Spec()["ttlSecondsAfterFinished"]
	return d.Ref.Kind == "Job" && ttl
}

// holdsData reports whether deleting an object of the kind loses data for good.
// Pruning keeps such objects unless their manifests say otherwise.
func holdsData(kind schema.GroupKind) bool {
	return kind == schema.GroupKind{Kind: "PersistentVolumeClaim"}
}
