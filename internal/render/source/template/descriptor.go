package template

import (
	"bytes"
	"encoding/json"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Template is a descriptor.
type Template struct {
	Name        string               `json:"name"`
	Description string               `json:"description"`
	Parameters  map[string]Parameter `json:"parameters,omitempty"`
	// Secret is what the template's Secret must hold, by key.
	Secret map[string]source.SecretValue `json:"secret,omitempty"`
	// Service is the service that takes the name of the one in the project
	// file, as a tree with parameters in it.
	Service map[string]any `json:"service"`
	// Also are further services, by the suffix of their name.
	Also map[string]map[string]any `json:"also,omitempty"`
}

// Parameter is a value that whoever uses the template may give.
type Parameter struct {
	Type        Type   `json:"type"`
	Description string `json:"description"`
	// Default is used when nothing is given; without one the parameter is
	// required.
	Default any `json:"default,omitempty"`
	// Min and Max bound integers and quantities.
	Min any `json:"min,omitempty"`
	Max any `json:"max,omitempty"`
	// Enum lists the only values allowed.
	Enum []any `json:"enum,omitempty"`
	// Lockable parameters may be fixed by an organization.
	Lockable bool `json:"lockable,omitempty"`
	// Fixed is what the organization fixed it at, in what Catalog.Fixed
	// returns.
	Fixed any `json:"fixed,omitempty"`
}

// Type is what a parameter's values look like.
type Type string

// The types of parameters.
const (
	TypeString   Type = "string"   // printable text of at most 200 characters
	TypeName     Type = "name"     // lower-case letters, digits, - and _; starts with a letter
	TypeVersion  Type = "version"  // an image tag
	TypePath     Type = "path"     // a path, relative or absolute
	TypeInteger  Type = "integer"  // bounded by min and max
	TypeBoolean  Type = "boolean"  //
	TypeQuantity Type = "quantity" // a Kubernetes quantity, bounded by min and max
)

// Parse reads a descriptor strictly.
func Parse(file string, data []byte, limits tree.Limits) (Template, error) {
	at := tree.Place{File: file}
	documents, err := tree.Documents(file, data, limits)
	if err != nil {
		return Template{}, err
	}
	if len(documents) != 1 || len(documents[0].Content) != 1 || documents[0].Content[0].Kind != yaml.MappingNode {
		return Template{}, at.Refuse("a template is one YAML mapping; it has name, description, parameters and service")
	}
	var plain any
	if err := documents[0].Decode(&plain); err != nil {
		return Template{}, at.Refuse("it can't be read: %v; correct it", err)
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return Template{}, at.Refuse("it holds a value that JSON doesn't have: %v; use text keys", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	var t Template
	if err := decoder.Decode(&t); err != nil {
		return Template{}, at.Refuse("it is no template: %v; correct it", err)
	}
	return t, t.check(at)
}

var (
	templateName  = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	parameterName = regexp.MustCompile(`^[a-z][a-zA-Z0-9]{0,39}$`)
)

// check refuses a descriptor that could not be expanded.
func (t Template) check(at tree.Place) error {
	if !templateName.MatchString(t.Name) {
		return at.Refuse("the name %s is none; use at most 40 lower-case letters, digits and dashes", tree.Quote(t.Name))
	}
	if t.Description == "" || len(t.Service) == 0 {
		return at.Refuse("a template has a description and a service; add them")
	}
	for name, p := range t.Parameters {
		at.Field = "parameters." + name
		if !parameterName.MatchString(name) || name == serviceVariable {
			return at.Refuse("this is no parameter's name; use letters and digits")
		}
		if p.Description == "" {
			return at.Refuse("the parameter has no description; add one")
		}
		if p.Fixed != nil {
			return at.Refuse("a template can't fix a parameter; the Organization's spec.templates.locks does")
		}
		if p.Default == nil {
			continue
		}
		if _, err := p.value(p.Default); err != nil {
			return at.Refuse("the default %v", err)
		}
	}
	return nil
}
