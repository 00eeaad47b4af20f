package diff

import (
	"bytes"
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"github.com/slipway-dev/slipway/internal/apply/cluster"
	"github.com/slipway-dev/slipway/internal/printable"
)

// fieldManager is who owns fields of an object, and which.
type fieldManager struct {
	name        string
	operation   string
	subresource string
	fields      *fieldpath.Set
}

type fieldManagers []fieldManager

// readManagers returns who owns which fields of an object, in the order of the
// server's list. Fields that can't be read are owned by nobody.
func readManagers(object map[string]any) fieldManagers {
	metadata, _ := object["metadata"].(map[string]any)
	entries, _ := metadata["managedFields"].([]any)
	var managers fieldManagers
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		manager := fieldManager{fields: &fieldpath.Set{}}
		manager.name, _ = entry["manager"].(string)
		manager.operation, _ = entry["operation"].(string)
		manager.subresource, _ = entry["subresource"].(string)
		if raw, err := json.Marshal(entry["fieldsV1"]); err != nil || manager.fields.FromJSON(bytes.NewReader(raw)) != nil {
			manager.fields = &fieldpath.Set{}
		}
		managers = append(managers, manager)
	}
	return managers
}

// ours returns the fields that Slipway owns, nil when it owns none.
func (m fieldManagers) ours() *fieldpath.Set {
	for _, manager := range m {
		if manager.name == cluster.FieldManager && manager.operation == string(metav1.ManagedFieldsOperationApply) && manager.subresource == "" {
			return manager.fields
		}
	}
	return nil
}

// of returns who owns a field, empty when nobody does: another manager of the
// field itself, another manager of what the field is in as a whole, or Slipway.
func (m fieldManagers) of(path fieldpath.Path) string {
	whole, ours := "", ""
	for _, manager := range m {
		switch itself, within := owns(manager.fields, path); {
		case !itself && !within:
		case manager.name == cluster.FieldManager:
			ours = manager.name
		case itself:
			return printable.Excerpt(manager.name, 128)
		case whole == "":
			whole = printable.Excerpt(manager.name, 128)
		}
	}
	if whole != "" {
		return whole
	}
	return ours
}

// owns reports whether a set holds a field or a part of it, and whether it
// holds something as a whole that the field is in.
func owns(set *fieldpath.Set, path fieldpath.Path) (itself, within bool) {
	for at, element := range path {
		below, ok := set.Children.Get(element)
		if !ok {
			member := set.Members.Has(element)
			return member && at == len(path)-1, member
		}
		set = below
	}
	return true, true
}

// partsOf returns the part of a set under an element, empty when there is none.
func partsOf(set *fieldpath.Set, element fieldpath.PathElement) *fieldpath.Set {
	if found, ok := set.Children.Get(element); ok {
		return found
	}
	return &fieldpath.Set{}
}

// elements returns the first level of a set in its order: what is in the set
// and what only parts of are.
func elements(set *fieldpath.Set) []fieldpath.PathElement {
	var all []fieldpath.PathElement
	set.Members.Iterate(func(e fieldpath.PathElement) { all = append(all, e) })
	set.Children.Iterate(func(e fieldpath.PathElement) { all = append(all, e) })
	slices.SortFunc(all, fieldpath.PathElement.Compare)
	return slices.CompactFunc(all, fieldpath.PathElement.Equals)
}

// hasParts reports whether a set names fields of an object or items of a list
// that have a key. The values of a list of values are one field.
func hasParts(set *fieldpath.Set) bool {
	return slices.ContainsFunc(elements(set), func(e fieldpath.PathElement) bool { return e.FieldName != nil || e.Key != nil })
}

// itemElement returns the path element of a list's item: its key as the API
// server reads it.
func itemElement(item map[string]any, keys []string) fieldpath.PathElement {
	fields := make([]value.Field, len(keys))
	for at, name := range keys {
		key := item[name]
		switch number, ok := key.(json.Number); {
		case ok:
			key = plainNumber(number)
		case name == "protocol" && key == nil:
			key = "TCP"
		}
		fields[at] = value.Field{Name: name, Value: value.NewValueInterface(key)}
	}
	return fieldpath.KeyElement(fields...)
}

// plainNumber returns a number as the API server's own decoder reads it; a
// text that is none stays a text.
func plainNumber(number json.Number) any {
	if whole, err := number.Int64(); err == nil {
		return whole
	}
	if broken, err := number.Float64(); err == nil {
		return broken
	}
	return number.String()
}
