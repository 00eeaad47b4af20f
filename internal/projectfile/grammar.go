package projectfile

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// grammar is the table of rules with what is derived from it on demand. It
// serves one reader and is not safe for concurrent use.
type grammar struct {
	rules    map[string]rule
	shapes   map[string]shape
	patterns map[string]*regexp.Regexp
	types    map[reflect.Type][]field
}

// field is a field of a struct as the file names it.
type field struct {
	key   string
	index int
	rule  rule
}

func newGrammar() *grammar {
	g := &grammar{
		rules: rules(), shapes: shapes(),
		patterns: map[string]*regexp.Regexp{}, types: map[reflect.Type][]field{},
	}
	further := reflect.TypeFor[secondaryFile]()
	for i := range further.NumField() {
		key, _, _ := strings.Cut(further.Field(i).Tag.Get("json"), ",")
		g.rules[further.Name()+"."+key] = g.rules["File."+key]
	}
	return g
}

// fields returns a struct's fields in their order.
func (g *grammar) fields(t reflect.Type) []field {
	if known, ok := g.types[t]; ok {
		return known
	}
	fields := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields = append(fields, field{key: key, index: i, rule: g.rules[t.Name()+"."+key]})
	}
	g.types[t] = fields
	return fields
}

// matches reports whether the whole of s has the form of f, its length aside.
func (g *grammar) matches(f *format, s string) bool {
	return g.pattern(f.pattern).MatchString(s) && (f.not == "" || !g.pattern(f.not).MatchString(s))
}

func (g *grammar) pattern(text string) *regexp.Regexp {
	compiled, ok := g.patterns[text]
	if !ok {
		compiled = regexp.MustCompile(text)
		g.patterns[text] = compiled
	}
	return compiled
}

// allowed returns the keys a struct may have, in an override or not.
func (g *grammar) allowed(t reflect.Type, override bool) []string {
	keys := make([]string, 0, t.NumField())
	for _, f := range g.fields(t) {
		if !override || !notInOverride(t, f.key) {
			keys = append(keys, f.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// notInOverride reports whether a stage's override can't have the key.
func notInOverride(t reflect.Type, key string) bool {
	return t == reflect.TypeFor[project.Service]() && key == "stages"
}
