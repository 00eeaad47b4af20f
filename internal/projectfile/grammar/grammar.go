package grammar

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-dev/slipway/internal/project"
)

// Grammar is the table of rules with what is derived from it on demand. It is safe for
// concurrent use as long as nobody changes it.
type Grammar struct {
	Rules  map[string]Rule
	Shapes map[string]Shape
	types  sync.Map // reflect.Type → []Field
}

// Field is a field of a struct as the file names it.
type Field struct {
	Key   string
	Index int
	Rule  Rule
}

// New makes the grammar of version 1.
func New() *Grammar {
	g := &Grammar{Rules: rules(), Shapes: shapes()}
	file := reflect.TypeFor[SecondaryFile]()
	for i := range file.NumField() {
		key, _, _ := strings.Cut(file.Field(i).Tag.Get("json"), ",")
		g.Rules[file.Name()+"."+key] = g.Rules["File."+key]
	}
	return g
}

// Fields returns a struct's fields in their order.
func (g *Grammar) Fields(t reflect.Type) []Field {
	if known, ok := g.types.Load(t); ok {
		return known.([]Field)
	}
	fields := make([]Field, 0, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields = append(fields, Field{Key: key, Index: i, Rule: g.Rules[t.Name()+"."+key]})
	}
	g.types.Store(t, fields)
	return fields
}

// SecondaryFile is what the file of a secondary repository may say.
type SecondaryFile struct {
	Version  int                        `json:"version"`
	Project  string                     `json:"project"`
	Services map[string]project.Service `json:"services"`
}

// Matches reports whether the whole of s has the form of f, its length aside.
func (f *Format) Matches(s string) bool {
	return f.Pattern.MatchString(s) && (f.Not == nil || !f.Not.MatchString(s))
}

// allowed returns the keys a struct may have, in an override or not.
func (g *Grammar) allowed(t reflect.Type, override bool) []string {
	keys := make([]string, 0, t.NumField())
	for _, f := range g.Fields(t) {
		if !override || !NotInOverride(t, f.Key) {
			keys = append(keys, f.Key)
		}
	}
	slices.Sort(keys)
	return keys
}

// NotInOverride reports whether a stage's override can't have the key.
func NotInOverride(t reflect.Type, key string) bool {
	return t == reflect.TypeFor[project.Service]() && key == "stages"
}
