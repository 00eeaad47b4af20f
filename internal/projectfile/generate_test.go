package projectfile

import (
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/project"
)

// generator makes files that obey the table, or, when it is sinful, break a
// rule of it now and then.
type generator struct {
	t *rapid.T
	*grammar
	sinful bool
}

// sin is rare, so that most files break one rule or none: a file that breaks
// many is refused by both sides even if one of them misses a rule. The number
// is odd because rapid prefers small and extreme ones.
func (g generator) sin(what string) bool {
	return g.sinful && rapid.IntRange(0, 99).Draw(g.t, "sin: "+what) == 37
}

func (g generator) file() map[string]any {
	return g.structure(reflect.TypeFor[project.File](), whole).(map[string]any)
}

func (g generator) flip(name string) bool { return rapid.IntRange(0, 3).Draw(g.t, name) == 0 }

func (g generator) structure(t reflect.Type, m mode) any {
	s := g.shapes[t.Name()]
	one := ""
	if len(s.one) > 0 {
		one = rapid.SampledFrom(s.one).Draw(g.t, "one")
	}
	out := map[string]any{}
	for _, f := range g.fields(t) {
		switch {
		case slices.Contains(s.one, f.key):
			if !g.sin("source") && (f.key != one || m == override && g.flip("skip")) {
				continue
			}
		case s.beside[one] != nil && !slices.Contains(s.beside[one], f.key) && !g.sin("beside"):
			continue
		case m == override && notInOverride(t, f.key) && !g.sin("override"):
			continue
		case !f.rule.required && !g.flip(f.key), f.rule.required && g.sin("missing"):
			continue
		}
		if m == override && g.flip("null") || g.sin("null") {
			out[f.key] = nil
			continue
		}
		out[f.key] = g.value(t.Field(f.index).Type, f.rule, m)
	}
	g.reconcile(s, out)
	return out
}

// reconcile removes keys that exclude or miss each other.
func (g generator) reconcile(s shape, out map[string]any) {
	for _, pair := range s.apart {
		switch {
		case g.sin("apart"):
			out[pair[0]], out[pair[1]] = "0 3 * * *", 80
		case out[pair[0]] != nil:
			delete(out, pair[1])
		}
	}
	for _, pair := range s.needs {
		if out[pair[1]] == nil && !g.sin("needs") {
			delete(out, pair[0])
		}
	}
}

func (g generator) value(t reflect.Type, r rule, m mode) any {
	switch t.Kind() {
	case reflect.Pointer:
		return g.value(t.Elem(), r, m)
	case reflect.Struct:
		return g.structure(t, m)
	case reflect.Slice:
		return g.list(t, r)
	case reflect.Map:
		return g.table(t, r, m)
	case reflect.String:
		return g.text(r)
	case reflect.Bool:
		return rapid.Bool().Draw(g.t, "bool")
	case reflect.Interface:
		return rapid.SampledFrom([]any{"text", true, 3, 1.5, nil, []any{1, "a"}, map[string]any{"a": nil}}).Draw(g.t, "any")
	}
	if g.sin("bound") {
		return rapid.SampledFrom([]int64{r.least - 1, r.most + 1}).Draw(g.t, "number out of bounds")
	}
	return rapid.Int64Range(r.least, r.most).Draw(g.t, "number")
}

func (g generator) list(t reflect.Type, r rule) any {
	list := []any{}
	if g.sin("few") {
		return list
	}
	for range rapid.IntRange(r.min, min(r.max, r.min+2)).Draw(g.t, "items") {
		item := g.value(t.Elem(), r.element(), whole)
		if r.unique && slices.Contains(list, item) {
			continue
		}
		list = append(list, item)
	}
	if len(list) > 0 && g.sin("twice") {
		list = append(list, list[0])
	}
	if len(list) > 0 && !r.unique && g.sin("many") {
		for len(list) <= r.max {
			list = append(list, list[0])
		}
	}
	return list
}

func (g generator) table(t reflect.Type, r rule, m mode) any {
	out := map[string]any{}
	if g.sin("few") {
		return out
	}
	for range rapid.IntRange(max(r.min, 1), r.min+2).Draw(g.t, "keys") {
		key := "key"
		if r.keys != nil {
			key = g.text(rule{text: r.keys})
		}
		out[key] = g.value(t.Elem(), r.element(), r.mode(m))
	}
	return out
}

func (g generator) text(r rule) string {
	s := sample{good: r.enum, bad: []string{"", "Auto", "none"}}
	if len(r.enum) == 0 {
		s = samples(r.text)
		s.bad = append(s.bad, strings.Repeat("a", r.text.max+1))
	}
	if g.sin("text") {
		return rapid.SampledFrom(s.bad).Draw(g.t, "bad text")
	}
	return rapid.SampledFrom(s.good).Draw(g.t, "text")
}

// spot is a place in a generated file where something can be changed.
type spot struct {
	set    func(any)
	remove func()
	add    func(string, any)
	rename func(string)
}

func spots(v any, set func(any), remove func(), rename func(string)) []spot {
	here := spot{set: set, remove: remove, rename: rename, add: func(string, any) {}}
	if m, ok := v.(map[string]any); ok {
		here.add = func(key string, value any) { m[key] = value }
	}
	found := []spot{here}
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			value := v[key]
			found = append(found, spots(value, func(n any) { v[key] = n }, func() { delete(v, key) },
				func(name string) { delete(v, key); v[name] = value })...)
		}
	case []any:
		for i := range v {
			found = append(found, spots(v[i], func(n any) { v[i] = n }, func() {}, func(string) {})...)
		}
	}
	return found
}

// mutate changes one thing of a file at random.
func mutate(t *rapid.T, file map[string]any) {
	all := spots(file, func(any) {}, func() {}, func(string) {})
	s := all[rapid.IntRange(0, len(all)-1).Draw(t, "spot")]
	keys := []string{"name", "port", "helm", "image", "stages", "path", "command", "user", "tag", "schedule", "x", "Web", "a_b", "pr-1", "env", "a--b", ""}
	switch rapid.IntRange(0, 4).Draw(t, "change") {
	case 0:
		s.remove()
	case 1:
		s.rename(rapid.SampledFrom(keys).Draw(t, "new name"))
	case 2:
		s.add(rapid.SampledFrom(keys).Draw(t, "key"), rapid.SampledFrom(junk()).Draw(t, "value"))
	default:
		s.set(rapid.SampledFrom(junk()).Draw(t, "value"))
	}
}

func junk() []any {
	return []any{nil, true, "", "x", "A B", "../x", "/x", "http://x/y", 0, 1, -1, 65536, 1.0, 2.5, 1 << 40, []any{}, []any{"a", "a"}, map[string]any{},
		map[string]any{"path": "/"}, map[string]any{"image": "redis:7"}, "*/5 * * * *", "250m", "1Gi", "72h", "auto", strings.Repeat("a", 64), "é", "a\nb"}
}

type sample struct{ good, bad []string }
