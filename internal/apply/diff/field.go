package diff

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	amount "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/apply/desired"
	"github.com/slipway-dev/slipway/internal/printable"
)

// hidden stands for a Secret's value.
const hidden = "(hidden)"

// maxShown bounds a value that is shown, in bytes.
const maxShown = 200

// maxFields is how many fields of one object are listed.
const maxFields = 200

// place is a field of the object.
type place struct {
	path  string         // for people
	trail fieldpath.Path // as managedFields hold it
}

func (p place) field(name string) place {
	path := name
	switch {
	case p.path != "" && strings.ContainsAny(name, "./[]"):
		path = p.path + "[" + name + "]"
	case p.path != "":
		path = p.path + "." + name
	}
	return place{path, append(slices.Clip(p.trail), fieldpath.FieldNameElement(name))}
}

func (p place) item(label string, element fieldpath.PathElement) place {
	return place{p.path + "[" + label + "]", append(slices.Clip(p.trail), element)}
}

// fieldComparison compares one object with its manifest.
type fieldComparison struct {
	secret   bool
	scaled   bool
	managers fieldManagers
	found    []Field
}

// compareFields returns the fields of an object that are not as its manifest
// says, sorted by path.
func compareFields(d *desired.Document, live map[string]any, managers fieldManagers, scaled bool) []Field {
	c := &fieldComparison{secret: d.Ref.GroupKind() == schema.GroupKind{Kind: "Secret"}, scaled: scaled && d.Ref.Scalable(), managers: managers}
	for _, name := range slices.Sorted(maps.Keys(d.Object)) {
		if name != "apiVersion" && name != "kind" {
			c.value(place{}.field(name), d.Object[name], live[name])
		}
	}
	if ours := managers.ours(); ours != nil {
		c.leftovers(place{}, ours, d.Object, live)
	}
	slices.SortFunc(c.found, func(a, b Field) int { return cmp.Compare(a.Path, b.Path) })
	return c.found
}

// value compares a wanted value, nil for none, with what is there.
func (c *fieldComparison) value(at place, want, have any) {
	if at.path == "spec.replicas" && c.scaled {
		return
	}
	switch want := want.(type) {
	case nil:
		return
	case map[string]any:
		object, ok := have.(map[string]any)
		if !ok && !isEmpty(want) {
			c.differs(at, want, have)
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if ok {
				c.value(at.field(name), want[name], object[name])
			}
		}
	case []any:
		c.list(at, want, have)
	default:
		if !sameScalar(at.path, want, have) {
			c.differs(at, want, have)
		}
	}
}

// list compares lists: by key where items have one, so that the items of others
// are no difference, otherwise item by item.
func (c *fieldComparison) list(at place, want []any, have any) {
	there, _ := have.([]any)
	keys := itemKeys(at.path, want)
	if keys == nil {
		if len(want) != len(there) {
			c.differs(at, want, have)
			return
		}
		for i := range want {
			c.value(place{fmt.Sprintf("%s[%d]", at.path, i), at.trail}, want[i], there[i])
		}
		return
	}
	for _, w := range want {
		item, _ := w.(map[string]any)
		element := itemElement(item, keys)
		inside := at.item(label(item, keys), element)
		found, ok := itemAt(there, element, keys)
		if !ok {
			c.differs(inside, item, nil)
			continue
		}
		c.value(inside, item, found)
	}
}

// itemKeys returns the fields that are the key of a list's items for the API
// server; nil for a list whose items have no key.
func itemKeys(path string, items []any) []string {
	_, name, found := cutLast(path, ".")
	if !found {
		name = path
	}
	var keys []string
	switch name {
	case "containers", "initContainers", "volumes", "env", "imagePullSecrets", "ephemeralContainers":
		keys = []string{"name"}
	case "volumeMounts":
		keys = []string{"mountPath"}
	case "ports":
		keys = []string{"containerPort", "protocol"}
		if path == "spec.ports" {
			keys = []string{"port", "protocol"}
		}
	case "ownerReferences":
		keys = []string{"uid"}
	case "hostAliases":
		keys = []string{"ip"}
	}
	for _, item := range items {
		object, ok := item.(map[string]any)
		if !ok || len(keys) == 0 || object[keys[0]] == nil {
			return nil
		}
	}
	return keys
}

func cutLast(text, separator string) (before, after string, found bool) {
	at := strings.LastIndex(text, separator)
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+len(separator):], true
}

func itemAt(items []any, element fieldpath.PathElement, keys []string) (map[string]any, bool) {
	for _, item := range items {
		if object, ok := item.(map[string]any); ok && itemElement(object, keys).Equals(element) {
			return object, true
		}
	}
	return nil, false
}

func label(item map[string]any, keys []string) string { return fmt.Sprint(item[keys[0]]) }

// leftovers finds fields that Slipway owns and the manifest no longer names.
func (c *fieldComparison) leftovers(at place, owned *fieldpath.Set, want, have any) {
	object, isObject := have.(map[string]any)
	wanted, _ := want.(map[string]any)
	for _, element := range elements(owned) {
		if element.FieldName == nil {
			continue
		}
		name := *element.FieldName
		inside := at.field(name)
		value, there := object[name]
		if !isObject || !there || inside.path == "spec.replicas" && c.scaled || at.path == "metadata.annotations" && name == cluster.AnnotationIntent {
			continue
		}
		parts := partsOf(owned, element)
		if _, named := wanted[name]; !named && !hasParts(parts) {
			c.differs(inside, nil, value)
			continue
		}
		c.leftovers(inside, parts, wanted[name], value)
		c.leftoverItems(inside, parts, wanted[name], value)
	}
}

// leftoverItems finds the same in the items of a list.
func (c *fieldComparison) leftoverItems(at place, owned *fieldpath.Set, want, have any) {
	there, _ := have.([]any)
	wanted, _ := want.([]any)
	for _, element := range elements(owned) {
		if element.Key == nil || len(*element.Key) == 0 {
			continue
		}
		keys := make([]string, len(*element.Key))
		for i, key := range *element.Key {
			keys[i] = key.Name
		}
		live, exists := itemAt(there, element, keys)
		if !exists {
			continue
		}
		inside := at.item(label(live, keys), element)
		item, named := itemAt(wanted, element, keys)
		if !named {
			c.differs(inside, nil, live)
			continue
		}
		c.leftovers(inside, partsOf(owned, element), item, live)
	}
}

// differs adds one field to the differences.
func (c *fieldComparison) differs(at place, want, have any) {
	if len(c.found) >= maxFields {
		return
	}
	difference := Field{Path: at.path, Want: shown(want), Have: shown(have), Manager: c.managers.of(at.trail)}
	if difference.Manager == cluster.FieldManager && want != nil {
		difference.Manager = "" // an older release: nobody else is to blame
	}
	if c.secret && !strings.HasPrefix(at.path, "metadata") && at.path != "type" && at.path != "immutable" {
		difference.Want, difference.Have = hide(difference.Want), hide(difference.Have)
	}
	c.found = append(c.found, difference)
}

func hide(value string) string {
	if value == "" {
		return ""
	}
	return hidden
}

// shown returns a value as JSON on one line; empty for none.
func shown(value any) string {
	if value == nil {
		return ""
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "?"
	}
	return printable.Excerpt(strings.TrimSpace(out.String()), maxShown)
}

// isEmpty reports whether a value is one that the server drops.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		for _, v := range value {
			if !isEmpty(v) {
				return false
			}
		}
		return true
	case []any:
		return len(value) == 0
	case string:
		return value == ""
	case bool:
		return !value
	case json.Number:
		return value == "0"
	}
	return false
}

// sameScalar compares values as the server does: quantities by their amount,
// and an empty value equals an absent one.
func sameScalar(path string, want, have any) bool {
	if have == nil {
		return isEmpty(want)
	}
	if fmt.Sprint(want) == fmt.Sprint(have) {
		return true
	}
	if !isQuantity(path) {
		return false
	}
	a, err := amount.ParseQuantity(fmt.Sprint(want))
	if err != nil {
		return false
	}
	b, err := amount.ParseQuantity(fmt.Sprint(have))
	return err == nil && a.Cmp(b) == 0
}

// isQuantity reports whether a path is that of an amount.
func isQuantity(path string) bool {
	for _, part := range []string{".requests.", ".limits.", ".hard.", ".capacity.", "sizeLimit", "averageValue", ".divisor", ".requests[", ".limits["} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}
