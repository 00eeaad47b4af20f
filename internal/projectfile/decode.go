package projectfile

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// decoder puts a tree into the types of the room project and reports what
// breaks a rule. Values that do are left out, so that later checks don't
// complain about them again.
type decoder struct {
	*report
	*grammar
}

// decode puts a whole node into a value of the room project, which into points
// to.
func decode(r *report, g *grammar, n *node, into any) {
	d := decoder{report: r, grammar: g}
	d.value(n, reflect.ValueOf(into).Elem(), rule{}, whole)
}

// mode says how strictly a value is read.
type mode int

const (
	whole    mode = iota
	override      // a part of a service: nothing is required, null removes
)

// value reads n into v.
func (d decoder) value(n *node, v reflect.Value, r rule, m mode) {
	if d.full() || n.kind == kindInvalid || m == override && n.kind == kindNull {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		inner := reflect.New(v.Type().Elem())
		d.value(n, inner.Elem(), r, m)
		if n.kind != kindNull {
			v.Set(inner)
		}
	case reflect.Struct:
		d.structure(n, v, m)
	case reflect.Map:
		d.table(n, v, r, m)
	case reflect.Slice:
		d.slice(n, v, r)
	case reflect.String:
		d.text(n, v, r)
	case reflect.Bool:
		if d.is(n, kindBool, "write true or false") {
			v.SetBool(n.boolean)
		}
	case reflect.Interface:
		if plain := n.plain(); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	default:
		d.integer(n, v, r)
	}
}

// is reports whether the node is of a kind, with a problem when it isn't.
func (d decoder) is(n *node, want kind, remedy string) bool {
	switch {
	case n.kind == want || n.kind == kindInteger && want == kindFloat:
		return true
	case n.kind == kindNull:
		d.structural(n.at, n.path(), "has no value", "give it one, or remove it")
	default:
		d.structural(n.at, n.path(), "is "+n.kind.noun()+" where "+want.noun()+" belongs", remedy)
	}
	return false
}

func (d decoder) structure(n *node, v reflect.Value, m mode) {
	if !d.is(n, kindMap, "write keys and values: {key: value}") {
		return
	}
	fields := d.fields(v.Type())
	unknown := false
	for _, e := range n.entries {
		if d.full() {
			return
		}
		at := slices.IndexFunc(fields, func(f field) bool { return f.key == e.key })
		if at < 0 || m == override && notInOverride(v.Type(), e.key) {
			unknown = true
			d.structural(e.at, e.value.path(), "is no known key here", suggest(e.key, d.allowed(v.Type(), m == override)))
			continue
		}
		d.value(e.value, v.Field(fields[at].index), fields[at].rule, m)
	}
	if m == whole {
		d.required(n, fields)
	}
	d.between(n, d.shapes[v.Type().Name()], m, unknown)
}

func (d decoder) required(n *node, fields []field) {
	for _, f := range fields {
		if f.rule.required && n.get(f.key) == nil {
			d.structural(n.at, n.path(), "the key "+f.key+" is missing", "add "+f.key)
		}
	}
}

// between checks the rules between the keys of one map. An unknown key may be
// a misspelt one of them, so their absence is no second mistake.
func (d decoder) between(n *node, s shape, m mode, unknown bool) {
	given := func(key string) bool { v := n.get(key); return v != nil && v.kind != kindNull }
	var one []string
	for _, key := range s.one {
		if given(key) {
			one = append(one, key)
		}
	}
	switch {
	case len(one) > 1:
		d.structural(n.get(one[1]).at, n.path(), "has "+strings.Join(one, " and ")+" at once", "keep one of them")
	case len(s.one) > 0 && len(one) == 0 && m == whole && !unknown:
		d.structural(n.at, n.path(), "has none of "+strings.Join(s.one, ", "), "add one of them")
	}
	for _, pair := range s.apart {
		if given(pair[0]) && given(pair[1]) {
			d.structural(n.get(pair[1]).at, n.path(), "has "+pair[0]+" and "+pair[1]+", which exclude each other", "remove one of them")
		}
	}
	for _, pair := range s.needs {
		if m == whole && given(pair[0]) && !given(pair[1]) && !unknown {
			d.structural(n.get(pair[0]).at, n.get(pair[0]).path(), "means nothing without "+pair[1], "add "+pair[1]+" or remove "+pair[0])
		}
	}
	d.besides(n, s, one)
}

// besides checks which keys may stand beside a source.
func (d decoder) besides(n *node, s shape, one []string) {
	if len(one) != 1 || s.beside[one[0]] == nil {
		return
	}
	allowed := s.beside[one[0]]
	for _, e := range n.entries {
		if e.key == one[0] || slices.Contains(allowed, e.key) || slices.Contains(s.one, e.key) || !d.known("Service."+e.key) {
			continue
		}
		d.structural(e.at, e.value.path(), "a service from "+one[0]+" can't have "+e.key,
			"say it in the source itself; allowed beside "+one[0]+": "+list(allowed))
	}
}

func (d decoder) known(name string) bool { _, ok := d.rules[name]; return ok }

func (d decoder) table(n *node, v reflect.Value, r rule, m mode) {
	if !d.is(n, kindMap, "write keys and values: {key: value}") {
		return
	}
	d.count(n, len(n.entries), r, "keys")
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		switch {
		case d.full():
			return
		case r.keys != nil && !d.conforms(e.key, r.keys, e.at, e.value.slot):
			continue
		case m == override && e.value.kind == kindNull:
			continue
		case r.overrides && !d.is(e.value, kindMap, "write keys and values: {key: value}"):
			continue
		}
		inner := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, inner, r.element(), r.mode(m))
		v.SetMapIndex(reflect.ValueOf(e.key), inner)
	}
}

func (d decoder) slice(n *node, v reflect.Value, r rule) {
	if !d.is(n, kindList, "write it as a list: [ … ]") {
		return
	}
	d.count(n, len(n.items), r, "items")
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	seen := map[string]bool{}
	for i, item := range n.items {
		d.value(item, v.Index(i), r.element(), whole)
		if r.unique && item.kind == kindString {
			if seen[item.text] {
				d.structural(item.at, item.path(), "stands in the list twice", "keep one of them")
			}
			seen[item.text] = true
		}
	}
}

func (d decoder) count(n *node, have int, r rule, what string) {
	switch {
	case have < r.min:
		d.structural(n.at, n.path(), "is empty", fmt.Sprintf("add at least %d", r.min))
	case r.max > 0 && have > r.max:
		d.overfull = true
		d.structural(n.at, n.path(), fmt.Sprintf("has %d %s, more than %d", have, what, r.max), "remove some")
	}
}

func (d decoder) text(n *node, v reflect.Value, r rule) {
	remedy := "put it in quotes"
	if len(r.enum) > 0 {
		remedy = "use one of " + list(r.enum)
	}
	if !d.is(n, kindString, remedy) {
		return
	}
	if len(r.enum) > 0 && !slices.Contains(r.enum, n.text) {
		if near := nearest(n.text, r.enum); near != "" {
			remedy += "; did you mean " + near + "?"
		}
		d.structural(n.at, n.path(), `"`+clip(n.text)+`" is not allowed`, remedy)
		return
	}
	if r.text == nil || d.conforms(n.text, r.text, n.at, n.slot) {
		v.SetString(n.text)
	}
}

// conforms checks a string or key against a format.
func (d decoder) conforms(s string, f *format, at place, where slot) bool {
	if n := utf8.RuneCountInString(s); n > f.max {
		d.structural(at, where.path(), fmt.Sprintf("is %d characters long, more than %d", n, f.max), "shorten it")
		return false
	}
	if f.matches(s) {
		return true
	}
	shown := `"` + clip(s) + `"`
	if f.quiet {
		shown = "the value"
	}
	d.structural(at, where.path(), shown+" is not "+f.noun, f.remedy)
	return false
}

func (d decoder) integer(n *node, v reflect.Value, r rule) {
	if n.kind == kindFloat {
		d.structural(n.at, n.path(), "is not a whole number", "write it without a fraction")
		return
	}
	if !d.is(n, kindInteger, "write a whole number without quotes") {
		return
	}
	if (r.least != 0 || r.most != 0) && (n.integer < r.least || n.integer > r.most) {
		what := fmt.Sprintf("%d is not between %d and %d", n.integer, r.least, r.most)
		d.structural(n.at, n.path(), what, fmt.Sprintf("use a number from %d to %d", r.least, r.most))
		return
	}
	v.SetInt(n.integer)
}
