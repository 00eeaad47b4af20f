package templates

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-dev/slipway/internal/cli/offline"
	"github.com/slipway-dev/slipway/internal/cli/output"
	"github.com/slipway-dev/slipway/internal/cli/stream"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/source/template"
)

// templateLine is one template in the list.
type templateLine struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type templatesCommand struct {
	offline.Templates
	streams stream.Streams
	format  string
}

// New returns the command templates.
func New(streams stream.Streams) *cobra.Command {
	c := &templatesCommand{streams: streams}
	command := &cobra.Command{
		Use:     "templates",
		Short:   "List the service templates, or show one with its parameters",
		GroupID: "repository",
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the service templates",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return c.list() },
	}
	show := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a template: its parameters, what it expands to, and how to use it",
		Example: "  slipway templates show postgres",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return c.show(args[0]) },
	}
	for _, one := range []*cobra.Command{list, show} {
		c.Flags(one)
		output.AddFlag(one, &c.format)
	}
	command.AddCommand(list, show, newTemplatesPull(streams))
	return command
}

// catalog returns the built-in templates and the organization's own.
func (c *templatesCommand) catalog() (*template.Catalog, error) {
	own, err := c.Load()
	if err != nil {
		return nil, err
	}
	return template.NewCatalog(own)
}

func (c *templatesCommand) list() error {
	catalog, err := c.catalog()
	if err != nil {
		return err
	}
	var lines []templateLine
	for _, name := range catalog.Names() {
		t, _ := catalog.Template(name)
		lines = append(lines, templateLine{t.Name, t.Description})
	}
	return output.New(c.streams, c.format).Print(lines, func(t *output.Table) {
		t.Head("NAME", "DESCRIPTION")
		for _, line := range lines {
			t.Row(line.Name, line.Description)
		}
	})
}

func (c *templatesCommand) show(name string) error {
	catalog, err := c.catalog()
	if err != nil {
		return err
	}
	found, ok := catalog.Template(name)
	if !ok {
		return fault.New(fault.NotFound, "there is no template %.60q; there are %s", name, strings.Join(catalog.Names(), ", "))
	}
	found = catalog.Fixed(found)
	return output.New(c.streams, c.format).Print(found, func(t *output.Table) { templateText(t, found) })
}

func templateText(t *output.Table, shown template.Template) {
	t.Row(shown.Description)
	t.Row()
	t.Head("PARAMETER", "TYPE", "DEFAULT", "ALLOWED", "DESCRIPTION")
	for _, name := range slices.Sorted(maps.Keys(shown.Parameters)) {
		p := shown.Parameters[name]
		given := "required"
		switch {
		case p.Fixed != nil:
			given = "fixed at " + asText(p.Fixed)
		case p.Default != nil:
			given = asText(p.Default)
		}
		t.Row(name, string(p.Type), given, output.Dash(allowed(p)), p.Description)
	}
	if len(shown.Secret) > 0 {
		t.Row()
		t.Row("Slipway makes a Secret with " + strings.Join(slices.Sorted(maps.Keys(shown.Secret)), ", "))
	}
	t.Row()
	t.Row("In slipway.yaml:")
	t.Row(fmt.Sprintf("  %s: {template: %s%s}", shown.Name, shown.Name, usedWith(shown)))
}

// usedWith shows the parameters that must be given, or else one that may be.
func usedWith(shown template.Template) string {
	var with []string
	names := slices.Sorted(maps.Keys(shown.Parameters))
	for _, name := range names {
		if p := shown.Parameters[name]; p.Default == nil && p.Fixed == nil {
			with = append(with, name+": …")
		}
	}
	if len(with) == 0 && len(names) > 0 {
		last := names[len(names)-1]
		with = append(with, last+": "+asText(shown.Parameters[last].Default))
	}
	if len(with) == 0 {
		return ""
	}
	return ", with: {" + strings.Join(with, ", ") + "}"
}

func allowed(p template.Parameter) string {
	switch {
	case len(p.Enum) > 0:
		var values []string
		for _, value := range p.Enum {
			values = append(values, strings.Trim(asText(value), `"`))
		}
		return strings.Join(values, ", ")
	case p.Min != nil && p.Max != nil:
		return strings.Trim(asText(p.Min), `"`) + " to " + strings.Trim(asText(p.Max), `"`)
	}
	return ""
}

// asText writes a value as one would in slipway.yaml.
func asText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
