package projectfile

import (
	"reflect"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/project"
)

// grammar is the table of rules with what is derived from it on demand. It
// serves one reader and is not safe for concurrent use.
type grammar struct {
	rules  map[string]rule
	shapes map[string]shape
	types  map[reflect.Type][]field
}

// field is a field of a struct as the file names it.
type field struct {
	key   string
	index int
	rule  rule
}

func newGrammar() *grammar {
	g := &grammar{rules: rules(), shapes: shapes(), types: map[reflect.Type][]field{}}
	file := reflect.TypeFor[secondaryFile]()
	for i := range file.NumField() {
		key, _, _ := strings.Cut(file.Field(i).Tag.Get("json"), ",")
		g.rules[file.Name()+"."+key] = g.rules["File."+key]
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

// secondaryFile is what the file of a secondary repository may say.
type secondaryFile struct {
	Version  int                        `json:"version"`
	Project  string                     `json:"project"`
	Services map[string]project.Service `json:"services"`
}

// matches reports whether the whole of s has the form of f, its length aside.
func (f *format) matches(s string) bool {
	return f.pattern.MatchString(s) && (f.not == nil || !f.not.MatchString(s))
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
