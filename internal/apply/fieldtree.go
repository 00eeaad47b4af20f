package apply

import (
	"bytes"
	"encoding/json"
	"github.com/slipway-dev/slipway/internal/apply/cause"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fieldTree is a set of fields as managedFields hold it: "f:name" for a field,
// "k:{…}" for a list's item by its key.
type fieldTree map[string]any

// fieldManager is who owns fields of an object, and which.
type fieldManager struct {
	name        string
	operation   string
	subresource string
	fields      fieldTree
}

type fieldManagers []fieldManager

// readManagers returns who owns which fields of an object, in the order of the
// server's list.
func readManagers(object map[string]any) fieldManagers {
	metadata, _ := object["metadata"].(map[string]any)
	entries, _ := metadata["managedFields"].([]any)
	var managers fieldManagers
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		manager := fieldManager{}
		manager.name, _ = entry["manager"].(string)
		manager.operation, _ = entry["operation"].(string)
		manager.subresource, _ = entry["subresource"].(string)
		fields, _ := entry["fieldsV1"].(map[string]any)
		manager.fields = fieldTree(fields)
		managers = append(managers, manager)
	}
	return managers
}

// ours returns the fields that Slipway owns, nil when it owns none.
func (m fieldManagers) ours() fieldTree {
	for _, manager := range m {
		if manager.name == FieldManager && manager.operation == string(metav1.ManagedFieldsOperationApply) && manager.subresource == "" {
			return manager.fields
		}
	}
	return nil
}

// of returns who owns the field at a trail, others before Slipway.
func (m fieldManagers) of(trail []string) string {
	found := ""
	for _, manager := range m {
		if !manager.fields.holds(trail) {
			continue
		}
		if manager.name != FieldManager {
			return cause.Clip(manager.name, 128)
		}
		found = manager.name
	}
	return found
}

// holds reports whether a tree holds a field, or one that the field is in as a
// whole.
func (t fieldTree) holds(trail []string) bool {
	for _, step := range trail {
		next, ok := t[step].(map[string]any)
		if !ok {
			return false
		}
		t = fieldTree(next)
		if len(t) == 0 {
			return true
		}
	}
	return true
}

// itemStep returns the step of a trail to a list's item: its key as the server
// writes it.
func itemStep(item map[string]any, keys []string) string {
	key := make(map[string]any, len(keys))
	for _, name := range keys {
		key[name] = item[name]
		if name == "protocol" && item[name] == nil {
			key[name] = "TCP"
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(key); err != nil {
		return "k:?"
	}
	return "k:" + strings.TrimSpace(out.String())
}

// fieldNames returns the fields of a tree's first level, sorted.
func (t fieldTree) fieldNames() []string {
	var names []string
	for step := range t {
		if name, ok := strings.CutPrefix(step, "f:"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// at returns the tree below a step.
func (t fieldTree) at(step string) fieldTree {
	below, _ := t[step].(map[string]any)
	return fieldTree(below)
}
