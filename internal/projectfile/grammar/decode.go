package grammar

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-dev/slipway/internal/projectfile/syntax"
)

// decoder puts a tree into the types of the room project and reports what
// breaks a rule. Values that do are left out, so that later checks don't
// complain about them again.
type decoder struct {
	*syntax.Report
	*Grammar
}

// Decode puts a whole node into a value of the room project, which into points
// to.
func Decode(r *syntax.Report, g *Grammar, n *syntax.Node, into any) {
	d := decoder{Report: r, Grammar: g}
	d.value(n, reflect.ValueOf(into).Elem(), Rule{}, Whole)
}

// Mode says how strictly a value is read.
type Mode int

// The modes.
const (
	Whole    Mode = iota
	Override      // a part of a service: nothing is required, null removes
)

// value reads n into v.
func (d decoder) value(n *syntax.Node, v reflect.Value, r Rule, m Mode) {
	if d.Full() || n.Kind == syntax.Invalid || m == Override && n.Kind == syntax.Null {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		inner := reflect.New(v.Type().Elem())
		d.value(n, inner.Elem(), r, m)
		if n.Kind != syntax.Null {
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
		if d.is(n, syntax.Bool, "write true or false") {
			v.SetBool(n.Bool)
		}
	case reflect.Interface:
		if plain := n.Plain(); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	default:
		d.integer(n, v, r)
	}
}

// is reports whether the node is of a kind, with a problem when it isn't.
func (d decoder) is(n *syntax.Node, want syntax.Kind, remedy string) bool {
	switch {
	case n.Kind == want || n.Kind == syntax.Integer && want == syntax.Float:
		return true
	case n.Kind == syntax.Null:
		d.Structural(n.At, n.Path(), "has no value", "give it one, or remove it")
	default:
		d.Structural(n.At, n.Path(), "is "+n.Kind.Noun()+" where "+want.Noun()+" belongs", remedy)
	}
	return false
}

func (d decoder) structure(n *syntax.Node, v reflect.Value, m Mode) {
	if !d.is(n, syntax.Map, "write keys and values: {key: value}") {
		return
	}
	fields := d.Fields(v.Type())
	unknown := false
	for _, e := range n.Entries {
		if d.Full() {
			return
		}
		at := slices.IndexFunc(fields, func(f Field) bool { return f.Key == e.Key })
		if at < 0 || m == Override && NotInOverride(v.Type(), e.Key) {
			unknown = true
			d.Structural(e.At, e.Value.Path(), "is not a known key here", syntax.Suggest(e.Key, d.allowed(v.Type(), m == Override)))
			continue
		}
		d.value(e.Value, v.Field(fields[at].Index), fields[at].Rule, m)
	}
	if m == Whole {
		d.required(n, fields)
	}
	d.between(n, d.Shapes[v.Type().Name()], m, unknown)
}

func (d decoder) required(n *syntax.Node, fields []Field) {
	for _, f := range fields {
		if f.Rule.Required && n.Get(f.Key) == nil {
			d.Structural(n.At, n.Path(), "the key "+f.Key+" is missing", "add "+f.Key)
		}
	}
}

// between checks the rules between the keys of one map. An unknown key may be
// a misspelt one of them, so their absence is not reported as well.
func (d decoder) between(n *syntax.Node, s Shape, m Mode, unknown bool) {
	given := func(key string) bool { v := n.Get(key); return v != nil && v.Kind != syntax.Null }
	var one []string
	for _, key := range s.ExactlyOne {
		if given(key) {
			one = append(one, key)
		}
	}
	switch {
	case len(one) > 1:
		d.Structural(n.Get(one[1]).At, n.Path(), "has "+strings.Join(one, " and ")+" at once", "keep one of them")
	case len(s.ExactlyOne) > 0 && len(one) == 0 && m == Whole && !unknown:
		d.Structural(n.At, n.Path(), "has none of "+strings.Join(s.ExactlyOne, ", "), "add one of them")
	}
	for _, pair := range s.Apart {
		if given(pair[0]) && given(pair[1]) {
			d.Structural(n.Get(pair[1]).At, n.Path(), "has "+pair[0]+" and "+pair[1]+", which exclude each other", "remove one of them")
		}
	}
	for _, pair := range s.Needs {
		if m == Whole && given(pair[0]) && !given(pair[1]) && !unknown {
			d.Structural(n.Get(pair[0]).At, n.Get(pair[0]).Path(), "means nothing without "+pair[1], "add "+pair[1]+" or remove "+pair[0])
		}
	}
	d.besides(n, s, one)
}

// besides checks which keys may stand beside a source.
func (d decoder) besides(n *syntax.Node, s Shape, one []string) {
	if len(one) != 1 || s.Beside[one[0]] == nil {
		return
	}
	allowed := s.Beside[one[0]]
	for _, e := range n.Entries {
		if e.Key == one[0] || slices.Contains(allowed, e.Key) || slices.Contains(s.ExactlyOne, e.Key) || !d.known("Service."+e.Key) {
			continue
		}
		d.Structural(e.At, e.Value.Path(), "a service from "+one[0]+" can't have "+e.Key,
			"say it in the source itself; allowed beside "+one[0]+": "+syntax.Enumerate(allowed))
	}
}

func (d decoder) known(name string) bool { _, ok := d.Rules[name]; return ok }

func (d decoder) table(n *syntax.Node, v reflect.Value, r Rule, m Mode) {
	if !d.is(n, syntax.Map, "write keys and values: {key: value}") {
		return
	}
	d.count(n, len(n.Entries), r, "keys")
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Entries)))
	for _, e := range n.Entries {
		switch {
		case d.Full():
			return
		case r.Keys != nil && !d.conforms(e.Key, r.Keys, e.At, e.Value.Slot):
			continue
		case m == Override && e.Value.Kind == syntax.Null:
			continue
		case r.Overrides && !d.is(e.Value, syntax.Map, "write keys and values: {key: value}"):
			continue
		}
		inner := reflect.New(v.Type().Elem()).Elem()
		d.value(e.Value, inner, r.Element(), r.Mode(m))
		v.SetMapIndex(reflect.ValueOf(e.Key), inner)
	}
}

func (d decoder) slice(n *syntax.Node, v reflect.Value, r Rule) {
	if !d.is(n, syntax.List, "write it as a list: [ … ]") {
		return
	}
	d.count(n, len(n.Items), r, "items")
	v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
	seen := map[string]bool{}
	for i, item := range n.Items {
		d.value(item, v.Index(i), r.Element(), Whole)
		if r.Unique && item.Kind == syntax.String {
			if seen[item.Text] {
				d.Structural(item.At, item.Path(), "stands in the list twice", "keep one of them")
			}
			seen[item.Text] = true
		}
	}
}

func (d decoder) count(n *syntax.Node, have int, r Rule, what string) {
	switch {
	case have < r.Min:
		d.Structural(n.At, n.Path(), "is empty", fmt.Sprintf("add at least %d", r.Min))
	case r.Max > 0 && have > r.Max:
		d.Overfull = true
		d.Structural(n.At, n.Path(), fmt.Sprintf("has %d %s, more than %d", have, what, r.Max), "remove some")
	}
}

func (d decoder) text(n *syntax.Node, v reflect.Value, r Rule) {
	remedy := "put it in quotes"
	if len(r.Enum) > 0 {
		remedy = "use one of " + syntax.Enumerate(r.Enum)
	}
	if !d.is(n, syntax.String, remedy) {
		return
	}
	if len(r.Enum) > 0 && !slices.Contains(r.Enum, n.Text) {
		if near := syntax.Nearest(n.Text, r.Enum); near != "" {
			remedy += "; did you mean " + near + "?"
		}
		d.Structural(n.At, n.Path(), `"`+syntax.Clip(n.Text)+`" is not allowed`, remedy)
		return
	}
	if r.Text == nil || d.conforms(n.Text, r.Text, n.At, n.Slot) {
		v.SetString(n.Text)
	}
}

// conforms checks a string or key against a format.
func (d decoder) conforms(s string, f *Format, at syntax.Place, where syntax.Slot) bool {
	if n := utf8.RuneCountInString(s); n > f.Max {
		d.Structural(at, where.Path(), fmt.Sprintf("is %d characters long, more than %d", n, f.Max), "shorten it")
		return false
	}
	if f.Matches(s) {
		return true
	}
	shown := `"` + syntax.Clip(s) + `"`
	if f.quiet {
		shown = "the value"
	}
	d.Structural(at, where.Path(), shown+" is not "+f.Noun, f.Remedy)
	return false
}

func (d decoder) integer(n *syntax.Node, v reflect.Value, r Rule) {
	if n.Kind == syntax.Float {
		d.Structural(n.At, n.Path(), "is not a whole number", "write it without a fraction")
		return
	}
	if !d.is(n, syntax.Integer, "write a whole number without quotes") {
		return
	}
	if (r.Least != 0 || r.Most != 0) && (n.Integer < r.Least || n.Integer > r.Most) {
		what := fmt.Sprintf("%d is not between %d and %d", n.Integer, r.Least, r.Most)
		d.Structural(n.At, n.Path(), what, fmt.Sprintf("use a number from %d to %d", r.Least, r.Most))
		return
	}
	v.SetInt(n.Integer)
}
