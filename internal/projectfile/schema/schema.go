package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile/grammar"
)

//go:generate go test -run TestPublishedSchema -update

// ID is the published schema's identifier.
const ID = "https://slipway.dev/schemas/slipway.yaml/v1"

const definitions = "#/$defs/"

// JSON returns the JSON Schema (draft 2020-12) of a primary project file,
// made from the types of the room project and the table of rules.
func JSON() ([]byte, error) {
	reflector := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true}
	root := reflector.Reflect(&project.File{})
	s := schemer{Grammar: grammar.New(), defs: root.Definitions}
	s.structure(root, reflect.TypeFor[project.File]())
	for _, t := range structs(reflect.TypeFor[project.File]()) {
		s.structure(s.defs[t.Name()], t)
	}
	for _, t := range overridable(reflect.TypeFor[project.Service]()) {
		s.defs[t.Name()+"Override"] = s.override(t)
	}
	delete(s.defs, "Parameters")
	root.ID, root.Title = ID, project.FileName
	root.Description = "What a team says about its project to Slipway."
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return append(data, '\n'), nil
}

// schemer adds the rules to what reflection found.
type schemer struct {
	*grammar.Grammar
	defs jsonschema.Definitions
}

// structure completes a struct's definition.
func (s schemer) structure(def *jsonschema.Schema, t reflect.Type) {
	def.Required = nil
	for _, f := range s.Fields(t) {
		prop, _ := def.Properties.Get(f.Key)
		s.property(prop, t.Field(f.Index).Type, f.Rule)
		prop.Description = f.Rule.Help
		if f.Rule.Required {
			def.Required = append(def.Required, f.Key)
		}
	}
	s.between(def, s.Shapes[t.Name()])
}

// property completes the schema of one value.
func (s schemer) property(prop *jsonschema.Schema, t reflect.Type, r grammar.Rule) {
	switch t.Kind() {
	case reflect.Pointer:
		s.property(prop, t.Elem(), r)
	case reflect.String:
		text(prop, r.Text)
		for _, value := range r.Enum {
			prop.Enum = append(prop.Enum, value)
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		if r.Least != 0 || r.Most != 0 {
			prop.Minimum, prop.Maximum = number(r.Least), number(r.Most)
		}
	case reflect.Slice:
		prop.MinItems, prop.MaxItems, prop.UniqueItems = count(r.Min), count(r.Max), r.Unique
		s.property(prop.Items, t.Elem(), r.Element())
	case reflect.Map:
		*prop = jsonschema.Schema{Type: "object", AdditionalProperties: prop.AdditionalProperties}
		prop.MinProperties, prop.MaxProperties = count(r.Min), count(r.Max)
		if r.Keys != nil {
			prop.PropertyNames = &jsonschema.Schema{}
			text(prop.PropertyNames, r.Keys)
		}
		if prop.AdditionalProperties != nil {
			s.property(prop.AdditionalProperties, t.Elem(), r.Element())
		}
		if r.Overrides {
			prop.AdditionalProperties.Ref += "Override"
		}
	}
}

func text(prop *jsonschema.Schema, f *grammar.Format) {
	if f == nil {
		return
	}
	prop.Pattern, prop.MaxLength = f.Pattern.String(), count(f.Max)
	if f.Not != nil {
		prop.Not = &jsonschema.Schema{Pattern: f.Not.String()}
	}
}

// count returns a limit, nil for none.
func count(n int) *uint64 {
	if n <= 0 {
		return nil
	}
	limit := uint64(n)
	return &limit
}

func number(n int64) json.Number { return json.Number(fmt.Sprint(n)) }

// between adds the rules between the keys of one map.
func (s schemer) between(def *jsonschema.Schema, r grammar.Shape) {
	for _, key := range r.ExactlyOne {
		def.OneOf = append(def.OneOf, &jsonschema.Schema{Required: []string{key}})
	}
	for _, pair := range r.Needs {
		if def.DependentRequired == nil {
			def.DependentRequired = map[string][]string{}
		}
		def.DependentRequired[pair[0]] = append(def.DependentRequired[pair[0]], pair[1])
	}
	for _, pair := range r.Apart {
		def.AllOf = append(def.AllOf, not(both(pair[0], pair[1])))
	}
	def.AllOf = append(def.AllOf, besides(r)...)
}

func besides(r grammar.Shape) []*jsonschema.Schema {
	var rules []*jsonschema.Schema
	for _, key := range slices.Sorted(maps.Keys(r.Beside)) {
		names := &jsonschema.Schema{}
		for _, name := range slices.Concat(r.ExactlyOne, r.Beside[key]) {
			names.Enum = append(names.Enum, name)
		}
		rules = append(rules, &jsonschema.Schema{If: given(key), Then: &jsonschema.Schema{PropertyNames: names}})
	}
	return rules
}

func not(s *jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{Not: s} }

// given says that a key is there and not null.
func given(key string) *jsonschema.Schema {
	properties := jsonschema.NewProperties()
	properties.Set(key, not(&jsonschema.Schema{Type: "null"}))
	return &jsonschema.Schema{Required: []string{key}, Properties: properties}
}

func both(a, b string) *jsonschema.Schema {
	return &jsonschema.Schema{AllOf: []*jsonschema.Schema{given(a), given(b)}}
}

// override returns the definition of a part of a type: nothing is required,
// null stands for removal, but what excludes each other still does.
func (s schemer) override(t reflect.Type) *jsonschema.Schema {
	whole, r := s.defs[t.Name()], s.Shapes[t.Name()]
	def := &jsonschema.Schema{Type: "object", AdditionalProperties: jsonschema.FalseSchema, Properties: jsonschema.NewProperties()}
	for _, f := range s.Fields(t) {
		if grammar.NotInOverride(t, f.Key) {
			continue
		}
		prop, _ := whole.Properties.Get(f.Key)
		def.Properties.Set(f.Key, partial(*prop))
	}
	for i, a := range r.ExactlyOne {
		for _, b := range r.ExactlyOne[i+1:] {
			def.AllOf = append(def.AllOf, not(both(a, b)))
		}
	}
	for _, pair := range r.Apart {
		def.AllOf = append(def.AllOf, not(both(pair[0], pair[1])))
	}
	def.AllOf = append(def.AllOf, besides(r)...)
	return def
}

// partial returns a property of an override: null, or a value whose maps are
// overrides again. Lists are whole.
func partial(prop jsonschema.Schema) *jsonschema.Schema {
	null, help := &jsonschema.Schema{Type: "null"}, prop.Description
	prop.Description = ""
	if strings.HasPrefix(prop.Ref, definitions) {
		prop.Ref += "Override"
	}
	if inner := prop.AdditionalProperties; inner != nil {
		prop.AdditionalProperties = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{inner, null}}
	}
	return &jsonschema.Schema{Description: help, AnyOf: []*jsonschema.Schema{&prop, null}}
}

// structs returns the struct types below t, in order of their names.
func structs(t reflect.Type) []reflect.Type {
	return reachable(t, func(reflect.Kind) bool { return true })
}

// overridable returns t and the struct types below it that are not in lists.
func overridable(t reflect.Type) []reflect.Type {
	return append(reachable(t, func(k reflect.Kind) bool { return k != reflect.Slice && k != reflect.Map }), t)
}

// reachable returns the struct types that t's fields lead to through the
// accepted kinds, without t itself unless it contains itself.
func reachable(t reflect.Type, through func(reflect.Kind) bool) []reflect.Type {
	found := map[string]reflect.Type{}
	var visit func(reflect.Type)
	visit = func(t reflect.Type) {
		switch {
		case t.Kind() == reflect.Struct:
			if found[t.Name()] == nil {
				found[t.Name()] = t
				for i := range t.NumField() {
					visit(t.Field(i).Type)
				}
			}
		case t.Kind() == reflect.Pointer, (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && through(t.Kind()):
			visit(t.Elem())
		}
	}
	for i := range t.NumField() {
		visit(t.Field(i).Type)
	}
	types := make([]reflect.Type, 0, len(found))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		types = append(types, found[name])
	}
	return types
}
