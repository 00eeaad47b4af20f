package key

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
)

// Check says of every key of the merged files what the table says: it adds
// errors and warnings to the files' problems. Taken reports which members of
// the top's mappings count: services.web, volumes.data.
func Check(c *file.Compose, taken func(section, name string) bool) {
	w := walk{c}
	root := table()
	for _, section := range slices.Sorted(maps.Keys(c.Model)) {
		members, isMap := c.Model[section].(map[string]any)
		decided := root.child(section)
		if !isMap || !decided.inner() {
			w.value(decided, []string{section}, c.Model[section])
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if taken(section, name) {
				w.value(decided.child(name), []string{section, name}, members[name])
			}
		}
	}
}

type walk struct{ *file.Compose }

// value applies the decision about one value, or those about what it holds.
func (w walk) value(n *node, path []string, value any) {
	last := path[len(path)-1]
	switch {
	case n == nil && strings.HasPrefix(last, "x-"):
	case n == nil:
		w.Refuse(w.At(path...), "this key has no meaning here; remove it")
	case n.inner():
		w.inside(n, path, value)
	default:
		w.apply(n.key, path, value)
	}
}

func (w walk) inside(n *node, path []string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			w.value(n.child(name), append(slices.Clone(path), name), value[name])
		}
	case []any:
		for i, item := range value {
			w.value(n.child("*"), append(slices.Clone(path), strconv.Itoa(i)), item)
		}
	default:
		if value != nil && n.key != nil {
			w.apply(n.key, path, value)
		}
	}
}

func (w walk) apply(k *Key, path []string, value any) {
	if slices.Contains(k.Harmless, fmt.Sprint(value)) {
		return
	}
	switch k.Treatment {
	case Refused:
		w.Refuse(w.At(path...), "%s", k.Text)
	case LeftOut:
		w.Warn(w.At(path...), "%s", k.Text)
	}
}
