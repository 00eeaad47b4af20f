package file

import (
	"context"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// maxProbes bounds how often parts of files are read to find what is wrong.
const maxProbes = 400

// locate finds which parts of files that can't be read as a whole are to
// blame: it reads every service and every other object alone, then key by key,
// then item by item.
func (c *Compose) locate(ctx context.Context) {
	for _, d := range c.documents {
		if d.data == nil {
			continue // it was read on its own
		}
		for i := 0; i+1 < len(d.root.Content); i += 2 {
			key, value := d.root.Content[i], d.root.Content[i+1]
			p := probe{Compose: c, ctx: ctx, document: d}
			p.section(key, value)
		}
	}
}

// probe reads parts of a document.
type probe struct {
	*Compose
	ctx      context.Context //nolint:containedctx // lasts for one locate
	document document
}

// section reads one member of the file's top.
func (p probe) section(key, value *yaml.Node) {
	if strings.HasPrefix(key.Value, "x-") || key.Value == "include" {
		return
	}
	if value.Kind != yaml.MappingNode {
		p.blame(key, value, []string{key.Value}, func(v any) map[string]any { return map[string]any{key.Value: v} })
		return
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		name, member := value.Content[i], value.Content[i+1]
		whole := func(v any) map[string]any { return map[string]any{key.Value: map[string]any{name.Value: v}} }
		if key.Value != "services" || member.Kind != yaml.MappingNode {
			p.blame(name, member, []string{key.Value, name.Value}, whole)
			continue
		}
		p.service(name, member)
	}
}

// service reads a service, key by key when it can't be read as a whole.
func (p probe) service(name, value *yaml.Node) {
	within := func(v map[string]any) map[string]any {
		if v["image"] == nil && v["build"] == nil {
			v["image"] = "probe"
		}
		delete(v, "extends")
		return map[string]any{"services": map[string]any{name.Value: v}}
	}
	var all map[string]any
	if value.Decode(&all) == nil && p.load(within(all)) == nil {
		return
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		key := value.Content[i]
		if key.Value == "extends" || key.Value == "<<" {
			continue
		}
		p.blame(key, value.Content[i+1], []string{"services", name.Value, key.Value}, func(v any) map[string]any {
			return within(map[string]any{key.Value: v})
		})
	}
}

// blame reads one value, item by item when it is a list, and says what is
// wrong with it.
func (p probe) blame(key, value *yaml.Node, path []string, within func(any) map[string]any) {
	var plain any
	if value.Decode(&plain) != nil {
		return
	}
	err := p.load(within(plain))
	if err == nil {
		return
	}
	if items, is := plain.([]any); is && len(items) > 1 && value.Kind == yaml.SequenceNode {
		found := false
		for i, item := range value.Content {
			if err := p.load(within(items[i : i+1])); err != nil {
				found = true
				p.report(item, item, path, err)
			}
		}
		if found {
			return
		}
	}
	p.report(key, value, path, err)
}

// report says what is wrong with a value: a variable without a value when it
// has one, because that is the cause then.
func (p probe) report(key, value *yaml.Node, path []string, err error) {
	at := tree.Place{File: p.document.name, Line: key.Line, Field: strings.Join(path, ".")}
	var empty []string
	known := false
	p.eachString(p.document, value, nil, func(_ tree.Place, text string) {
		required, without := p.missing(text)
		known = known || len(required) > 0
		empty = append(empty, without...)
	})
	switch {
	case len(empty) > 0:
		p.Refuse(at, "${%s} has no value, and this can't be empty; write ${%s:-value}, or %s", empty[0], empty[0], p.remedy())
	case !known: // else checkVariables has said it
		p.Refuse(at, "%s", explain(brief(err)))
	}
}

// pathPrefix is how the library begins a message about a service's key.
var pathPrefix = regexp.MustCompile(`^(validating [^ ]*: )?([a-z]+\.[^ ]+ |[a-z]+\.[^ :]+: )`)

// explain makes a message of the library's words.
func explain(text string) string {
	text = strings.TrimRight(pathPrefix.ReplaceAllString(text, ""), ".")
	if strings.Contains(text, "false schema") || strings.Contains(text, "additional properties") {
		return "Compose has no such key; correct or remove it"
	}
	return text + "; correct it"
}

// load reads a part of a document.
func (p probe) load(part map[string]any) error {
	if p.left.probes--; p.left.probes < 0 {
		return nil
	}
	details := types.ConfigDetails{
		WorkingDir: "/", Environment: types.Mapping(p.Variables).Clone(),
		ConfigFiles: []types.ConfigFile{{Filename: p.document.name, Config: part}},
	}
	model, err := loader.LoadModelWithContext(p.ctx, details, p.closed)
	if err != nil {
		return err
	}
	options := loader.ToOptions(&details, []func(*loader.Options){p.closed})
	_, err = loader.ModelToProject(model, options, details)
	return err
}
