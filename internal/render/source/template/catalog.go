package template

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
	"github.com/slipway-dev/slipway/templates"
)

// Catalog are the templates that a project may use.
type Catalog struct {
	templates map[string]Template
	locks     map[string]map[string]any
}

// NewCatalog returns the built-in templates with those of an organization.
func NewCatalog(own source.Templates) (*Catalog, error) {
	c := &Catalog{templates: map[string]Template{}, locks: own.Locks}
	builtin := templates.Services()
	entries, err := fs.ReadDir(builtin, ".")
	if err != nil {
		return nil, fmt.Errorf("read the built-in templates: %w", err)
	}
	for _, entry := range entries {
		data, err := fs.ReadFile(builtin, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read the template %s: %w", entry.Name(), err)
		}
		t, err := Parse(path.Join("templates/services", entry.Name()), data, tree.DefaultLimits())
		if err != nil {
			return nil, err
		}
		c.templates[t.Name] = t
	}
	from := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(own.Templates)) {
		t, err := Parse(name, own.Templates[name], tree.DefaultLimits())
		if err != nil {
			return nil, err
		}
		if first, twice := from[t.Name]; twice {
			return nil, fault.New(fault.Invalid, "%s: name: the template %s stands in %s already; give each its own name", name, t.Name, first)
		}
		c.templates[t.Name], from[t.Name] = t, name
	}
	return c, nil
}

// Names returns the names of all templates, sorted.
func (c *Catalog) Names() []string { return slices.Sorted(maps.Keys(c.templates)) }

// Template returns the template called name.
func (c *Catalog) Template(name string) (Template, bool) {
	t, found := c.templates[name]
	return t, found
}

// Expand replaces every service that uses a template by what it stands for.
// Services that use none are kept as they are, so that expanding twice changes
// nothing.
func (c *Catalog) Expand(services map[string]project.Service) (map[string]project.Service, []source.Secret, error) {
	expanded := map[string]project.Service{}
	var secrets []source.Secret
	for _, name := range slices.Sorted(maps.Keys(services)) {
		s := services[name]
		if s.Source() != project.SourceTemplate {
			expanded[name] = s
			continue
		}
		t, found := c.templates[s.Template]
		if !found {
			return nil, nil, fault.New(fault.Invalid, "service %s: there is no template %.60q; there are %s", name, s.Template, strings.Join(c.Names(), ", "))
		}
		made, err := t.Expand(name, s, c.locks[t.Name])
		if err != nil {
			return nil, nil, err
		}
		for one, service := range made.Services {
			if _, taken := services[one]; taken && one != name {
				return nil, nil, fault.New(fault.Invalid, "service %s: its template brings a service called %s, which slipway.yaml declares too; rename one of them", name, one)
			}
			expanded[one] = service
		}
		if made.Secret != nil {
			secrets = append(secrets, *made.Secret)
		}
	}
	return expanded, secrets, nil
}

// Fixed returns a template with what the organization fixed of it.
func (c *Catalog) Fixed(t Template) Template {
	t.Parameters = maps.Clone(t.Parameters)
	for name, value := range c.locks[t.Name] {
		p := t.Parameters[name]
		p.Fixed = value
		t.Parameters[name] = p
	}
	return t
}

// CheckLocks refuses locks of what does not exist or can't be locked, and
// values that the parameter does not allow.
func (c *Catalog) CheckLocks() error {
	for _, name := range slices.Sorted(maps.Keys(c.locks)) {
		t, found := c.templates[name]
		if !found {
			return fault.New(fault.Invalid, "the organization locks parameters of the template %.60q, which does not exist; there are %s", name, strings.Join(c.Names(), ", "))
		}
		for _, parameter := range slices.Sorted(maps.Keys(c.locks[name])) {
			p, found := t.Parameters[parameter]
			if !found || !p.Lockable {
				return fault.New(fault.Invalid, "the organization locks %.60q of the template %s, which is none of its lockable parameters; see slipway templates show %s", parameter, name, name)
			}
			if _, err := p.value(c.locks[name][parameter]); err != nil {
				return fault.New(fault.Invalid, "the organization's lock of %s of the template %s %v", parameter, name, err)
			}
		}
	}
	return nil
}
