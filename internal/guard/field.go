package guard

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/printable"
)

// maxShown is how many characters of an author's text a finding shows.
const maxShown = 200

// field returns a field of a map, nil when there is none.
func field(value any, name string) any {
	fields, _ := value.(map[string]any)
	return fields[name]
}

// at follows names through maps.
func at(value any, names ...string) any {
	for _, name := range names {
		value = field(value, name)
	}
	return value
}

func text(value any, name string) string {
	s, _ := field(value, name).(string)
	return s
}

func list(value any, name string) []any {
	l, _ := field(value, name).([]any)
	return l
}

// truth reports whether a field is the boolean true.
func truth(value any, name string) bool {
	b, _ := field(value, name).(bool)
	return b
}

// number returns a whole number, false when the field holds none.
func number(value any, name string) (int64, bool) {
	n, _ := field(value, name).(json.Number)
	i, err := n.Int64()
	return i, err == nil
}

// keys returns the names of a map's fields, in order.
func keys(value any) []string {
	fields, _ := value.(map[string]any)
	return slices.Sorted(maps.Keys(fields))
}

// set reports whether a field says anything: false, 0 and what is empty do
// not.
func set(value any, name string) bool {
	switch v := field(value, name).(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	n, whole := number(value, name)
	return !whole || n != 0
}

// join appends a field's name to a path; names that are no identifiers are
// quoted by brackets.
func join(path, name string) string {
	if strings.ContainsAny(name, "./ []") {
		return path + "[" + name + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// clip makes an author's text fit to be shown in a message.
func clip(s string) string { return printable.Excerpt(s, maxShown) }
