package apply

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"github.com/slipway-dev/slipway/internal/apply/cause"
	"maps"
	"slices"
	"strings"

	amount "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// hidden stands for a Secret's value.
const hidden = "(hidden)"

// maxShown bounds a value that is shown, in bytes.
const maxShown = 200

// maxFields is how many fields of one object are listed.
const maxFields = 200

// place is where a comparison is.
type place struct {
	path  string   // for people
	trail []string // as managedFields write it
}

func (p place) field(name string) place {
	path := name
	switch {
	case p.path != "" && strings.ContainsAny(name, "./[]"):
		path = p.path + "[" + name + "]"
	case p.path != "":
		path = p.path + "." + name
	}
	return place{path, append(slices.Clip(p.trail), "f:"+name)}
}

func (p place) item(label string, step string) place {
	return place{p.path + "[" + label + "]", append(slices.Clip(p.trail), step)}
}

// fieldComparison compares one object with its manifest.
type fieldComparison struct {
	secret   bool
	scaled   bool
	managers fieldManagers
	found    []FieldDifference
}

// compareFields returns the fields of an object that are not as its manifest
// says, sorted by path.
func compareFields(d *document, live map[string]any, managers fieldManagers, scaled bool) []FieldDifference {
	c := &fieldComparison{secret: d.ref.groupKind() == schema.GroupKind{Kind: "Secret"}, scaled: scaled && d.ref.scalable(), managers: managers}
	for _, name := range slices.Sorted(maps.Keys(d.object)) {
		if name != "apiVersion" && name != "kind" {
			c.value(place{}.field(name), d.object[name], live[name])
		}
	}
	c.leftovers(place{}, managers.ours(), d.object, live)
	slices.SortFunc(c.found, func(a, b FieldDifference) int { return cmp.Compare(a.Path, b.Path) })
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

// list compares lists: item by item where the items have a key, so that those
// of others are no difference, and as a whole else.
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
		step := itemStep(item, keys)
		below := at.item(label(item, keys), step)
		found, ok := itemAt(there, step, keys)
		if !ok {
			c.differs(below, item, nil)
			continue
		}
		c.value(below, item, found)
	}
}

// itemKeys returns what tells the items of a list apart, as the API server
// does; nil for a list that is one value.
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

func itemAt(items []any, step string, keys []string) (map[string]any, bool) {
	for _, item := range items {
		if object, ok := item.(map[string]any); ok && itemStep(object, keys) == step {
			return object, true
		}
	}
	return nil, false
}

func label(item map[string]any, keys []string) string { return fmt.Sprint(item[keys[0]]) }

// leftovers finds fields that Slipway owns and the manifest no longer names.
func (c *fieldComparison) leftovers(at place, owned fieldTree, want, have any) {
	object, isObject := have.(map[string]any)
	wanted, _ := want.(map[string]any)
	for _, name := range owned.fieldNames() {
		below := at.field(name)
		value, there := object[name]
		if !isObject || !there || below.path == "spec.replicas" && c.scaled {
			continue
		}
		next := owned.at("f:" + name)
		if _, named := wanted[name]; !named && len(next.fieldNames()) == 0 && !next.hasItems() {
			c.differs(below, nil, value)
			continue
		}
		c.leftovers(below, next, wanted[name], value)
		c.leftoverItems(below, next, wanted[name], value)
	}
}

// leftoverItems does the same for the items of a list.
func (c *fieldComparison) leftoverItems(at place, owned fieldTree, want, have any) {
	there, _ := have.([]any)
	wanted, _ := want.([]any)
	for _, step := range slices.Sorted(maps.Keys(owned)) {
		text, ok := strings.CutPrefix(step, "k:")
		if !ok {
			continue
		}
		var key map[string]any
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&key) != nil {
			continue
		}
		keys := slices.Sorted(maps.Keys(key))
		live, exists := itemAt(there, step, keys)
		if !exists {
			continue
		}
		below := at.item(fmt.Sprint(key[keys[0]]), step)
		item, named := itemAt(wanted, step, keys)
		if !named {
			c.differs(below, nil, live)
			continue
		}
		c.leftovers(below, owned.at(step), item, live)
	}
}

func (t fieldTree) hasItems() bool {
	for step := range t {
		if strings.HasPrefix(step, "k:") {
			return true
		}
	}
	return false
}

// differs notes one field.
func (c *fieldComparison) differs(at place, want, have any) {
	if len(c.found) >= maxFields {
		return
	}
	difference := FieldDifference{Path: at.path, Want: shown(want), Have: shown(have), Manager: c.managers.of(at.trail)}
	if difference.Manager == FieldManager && want != nil {
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
	return cause.Clip(strings.TrimSpace(out.String()), maxShown)
}

// isEmpty reports whether a value says nothing: the server drops such.
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
// and what says nothing with what is absent.
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
