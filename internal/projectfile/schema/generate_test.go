package schema

import (
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
)

// generator makes files that obey the table, or, when it is sinful, break a
// rule of it now and then.
type generator struct {
	t *rapid.T
	*grammar.Grammar
	sinful bool
}

// sin is rare, so that most files break one rule or none: a file that breaks
// many is refused by both sides even if one of them misses a rule. The number
// is odd because rapid prefers small and extreme ones.
func (g generator) sin(what string) bool {
	return g.sinful && rapid.IntRange(0, 99).Draw(g.t, "sin: "+what) == 37
}

func (g generator) file() map[string]any {
	return g.structure(reflect.TypeFor[project.File](), grammar.Whole).(map[string]any)
}

func (g generator) flip(name string) bool { return rapid.IntRange(0, 3).Draw(g.t, name) == 0 }

func (g generator) structure(t reflect.Type, m grammar.Mode) any {
	s := g.Shapes[t.Name()]
	one := ""
	if len(s.ExactlyOne) > 0 {
		one = rapid.SampledFrom(s.ExactlyOne).Draw(g.t, "one")
	}
	out := map[string]any{}
	for _, f := range g.Fields(t) {
		switch {
		case slices.Contains(s.ExactlyOne, f.Key):
			if !g.sin("source") && (f.Key != one || m == grammar.Override && g.flip("skip")) {
				continue
			}
		case s.Beside[one] != nil && !slices.Contains(s.Beside[one], f.Key) && !g.sin("beside"):
			continue
		case m == grammar.Override && grammar.NotInOverride(t, f.Key) && !g.sin("override"):
			continue
		case !f.Rule.Required && !g.flip(f.Key), f.Rule.Required && g.sin("missing"):
			continue
		}
		if m == grammar.Override && g.flip("null") || g.sin("null") {
			out[f.Key] = nil
			continue
		}
		out[f.Key] = g.value(t.Field(f.Index).Type, f.Rule, m)
	}
	g.reconcile(s, out)
	return out
}

// reconcile removes keys that exclude or miss each other.
func (g generator) reconcile(s grammar.Shape, out map[string]any) {
	for _, pair := range s.Apart {
		switch {
		case g.sin("apart"):
			out[pair[0]], out[pair[1]] = "0 3 * * *", 80
		case out[pair[0]] != nil:
			delete(out, pair[1])
		}
	}
	for _, pair := range s.Needs {
		if out[pair[1]] == nil && !g.sin("needs") {
			delete(out, pair[0])
		}
	}
}

func (g generator) value(t reflect.Type, r grammar.Rule, m grammar.Mode) any {
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
		return rapid.SampledFrom([]int64{r.Least - 1, r.Most + 1}).Draw(g.t, "number out of bounds")
	}
	return rapid.Int64Range(r.Least, r.Most).Draw(g.t, "number")
}

func (g generator) list(t reflect.Type, r grammar.Rule) any {
	list := []any{}
	if g.sin("few") {
		return list
	}
	for range rapid.IntRange(r.Min, min(r.Max, r.Min+2)).Draw(g.t, "items") {
		item := g.value(t.Elem(), r.Element(), grammar.Whole)
		if r.Unique && slices.Contains(list, item) {
			continue
		}
		list = append(list, item)
	}
	if len(list) > 0 && g.sin("twice") {
		list = append(list, list[0])
	}
	if len(list) > 0 && !r.Unique && g.sin("many") {
		for len(list) <= r.Max {
			list = append(list, list[0])
		}
	}
	return list
}

func (g generator) table(t reflect.Type, r grammar.Rule, m grammar.Mode) any {
	out := map[string]any{}
	if g.sin("few") {
		return out
	}
	for range rapid.IntRange(max(r.Min, 1), r.Min+2).Draw(g.t, "keys") {
		key := "key"
		if r.Keys != nil {
			key = g.text(grammar.Rule{Text: r.Keys})
		}
		out[key] = g.value(t.Elem(), r.Element(), r.Mode(m))
	}
	return out
}

func (g generator) text(r grammar.Rule) string {
	s := sample{good: r.Enum, bad: []string{"", "Auto", "none"}}
	if len(r.Enum) == 0 {
		s = samples(r.Text)
		s.bad = append(s.bad, strings.Repeat("a", r.Text.Max+1))
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
