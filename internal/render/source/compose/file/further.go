package file

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// maxFurther bounds how often one service's files may lead to others.
const maxFurther = 50

// extended is how the names of services begin that other files' services are
// copied under, to be extended. No file has such a name.
const extended = "slipway-extended-"

// further reads the files that a document refers to: those that it includes
// come before it, and services of others that it extends are copied into it.
func (c *Compose) further(ctx context.Context, d document, commit Commit) ([]document, error) {
	include := member(d.root, "include")
	extends := c.extendsOfFiles(d)
	if include == nil && len(extends) == 0 {
		return []document{d}, nil
	}
	copied, err := tree.Documents(d.name, d.data, c.limits)
	if err != nil {
		return nil, err
	}
	root := copied[0].Content[0]
	var before []document
	if include != nil {
		if before, err = c.included(ctx, d, include, commit); err != nil {
			return nil, err
		}
		remove(root, "include")
	}
	for i, e := range extends {
		if err := c.copyExtended(ctx, d, root, e, fmt.Sprintf("%s%d", extended, i), commit); err != nil {
			return nil, err
		}
	}
	writeNulls(root)
	text, err := yaml.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", d.name, err)
	}
	d.data = text
	return append(before, d), nil
}

// included reads what a document includes. Relative paths in another directory
// start there, and a .env file there counts where nothing else does.
func (c *Compose) included(ctx context.Context, d document, include *yaml.Node, commit Commit) ([]document, error) {
	var all []document
	for i, entry := range include.Content {
		at := tree.Place{File: d.name, Line: entry.Line, Field: fmt.Sprintf("include[%d]", i)}
		for _, key := range []string{"project_directory", "env_file"} {
			if other := member(entry, key); other != nil {
				c.Refuse(tree.Place{File: d.name, Line: other.Line, Field: at.Field + "." + key}, "it is not supported; include files whose paths start in their own directory")
			}
		}
		model, sub, err := c.other(ctx, at, d, pathsOf(entry), true, commit)
		if err != nil {
			return nil, err
		}
		if model == nil {
			continue
		}
		for _, one := range sub.documents {
			all = append(all, document{name: one.name, root: one.root})
		}
		all[len(all)-1].config = model
	}
	return all, nil
}

// pathsOf returns the files of one entry of include: of which later ones are
// merged into earlier ones.
func pathsOf(entry *yaml.Node) []string {
	if entry.Kind == yaml.MappingNode {
		entry = member(entry, "path")
	}
	names := []*yaml.Node{entry}
	if entry != nil && entry.Kind == yaml.SequenceNode {
		names = entry.Content
	}
	var paths []string
	for _, name := range names {
		if name != nil && name.Kind == yaml.ScalarNode {
			paths = append(paths, name.Value)
		}
	}
	return paths
}

// extension is a service that extends one of another file.
type extension struct {
	service    string
	node, file *yaml.Node
	of         string
}

func (c *Compose) extendsOfFiles(d document) []extension {
	services := member(d.root, "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return nil
	}
	var all []extension
	for i := 0; i+1 < len(services.Content); i += 2 {
		node := member(services.Content[i+1], "extends")
		file, of := member(node, "file"), member(node, "service")
		if file != nil && of != nil {
			all = append(all, extension{services.Content[i].Value, node, file, of.Value})
		}
	}
	return all
}

// copyExtended copies the service that another one extends from its file into
// the document, and lets that one extend the copy.
func (c *Compose) copyExtended(ctx context.Context, d document, root *yaml.Node, e extension, name string, commit Commit) error {
	at := tree.Place{File: d.name, Line: e.file.Line, Field: "services." + e.service + ".extends.file"}
	node := member(member(member(root, "services"), e.service), "extends")
	if path.Join(path.Dir(d.name), e.file.Value) == d.name {
		remove(node, "file")
		return nil
	}
	model, _, err := c.other(ctx, at, d, []string{e.file.Value}, false, commit)
	if err != nil || model == nil {
		return err
	}
	services, _ := model["services"].(map[string]any)
	base, found := services[e.of]
	if !found {
		c.Refuse(at, "%s has no service %s; correct the name", tree.Quote(e.file.Value), tree.Quote(e.of))
		return nil
	}
	var value yaml.Node
	if err := value.Encode(base); err != nil {
		return fmt.Errorf("copy service %s of %s: %w", e.of, e.file.Value, err)
	}
	all := member(root, "services")
	all.Content = append(all.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, &value)
	remove(node, "file")
	member(node, "service").Value = name
	return nil
}

// other reads other files as Compose files of their own. Its model is nil when
// something is wrong with them, which is said then.
func (c *Compose) other(ctx context.Context, at tree.Place, d document, given []string, ownVariables bool, commit Commit) (map[string]any, *Compose, error) {
	sub := &Compose{service: c.service, limits: c.limits, left: c.left, Variables: c.Variables, chain: append(slices.Clone(c.chain), d.name)}
	for _, one := range given {
		name, err := tree.Resolve(at, path.Dir(d.name), one)
		if err != nil {
			return nil, nil, c.RefuseAs(at, err)
		}
		if slices.Contains(sub.chain, name) {
			c.Refuse(at, "%s leads back to itself; remove it", tree.Quote(one))
			return nil, nil, nil
		}
		if c.left.files--; c.left.files < 0 {
			c.Refuse(at, "files lead to others more than %d times; include fewer", maxFurther)
			return nil, nil, nil
		}
		data, err := commit.File(at, name)
		if err != nil {
			return nil, nil, c.RefuseAs(at, err)
		}
		if err := sub.add(name, data, true); err != nil {
			return nil, nil, c.RefuseAs(at, err)
		}
	}
	if len(sub.documents) == 0 {
		c.Refuse(at, "it names no file with services; correct it")
		return nil, nil, nil
	}
	sub.Dir = path.Dir(sub.documents[0].name)
	if ownVariables && sub.Dir != c.Dir {
		if err := sub.readVariables(c.Variables, commit); err != nil {
			return nil, nil, c.RefuseAs(at, err)
		}
	}
	err := sub.understand(ctx, commit)
	c.take(sub)
	if err != nil || sub.Model == nil || sub.Any() {
		return nil, nil, err
	}
	rebase(sub.Model, c.Dir, sub.Dir)
	return escapeDollars(sub.Model).(map[string]any), sub, nil
}

// rebase makes relative paths of a model that start in one directory start in
// another.
func rebase(model map[string]any, from, start string) {
	rel, err := filepath.Rel(from, start)
	if err != nil || rel == "." {
		return
	}
	move := func(in map[string]any, key string) {
		if given, is := in[key].(string); is && given != "" && !path.IsAbs(given) && given[0] != '~' && !strings.Contains(given, ":") {
			in[key] = "./" + path.Join(rel, given)
		}
	}
	each(model["services"], func(service map[string]any) {
		if build, is := service["build"].(map[string]any); is {
			move(build, "context")
		}
		each(service["env_file"], func(file map[string]any) { move(file, "path") })
		each(service["volumes"], func(volume map[string]any) {
			if volume["type"] == "bind" {
				move(volume, "source")
			}
		})
	})
	for _, section := range []string{"configs", "secrets"} {
		each(model[section], func(object map[string]any) { move(object, "file") })
	}
}

// escapeDollars makes values that have been interpolated stay as they are when
// they are interpolated again.
func escapeDollars(value any) any {
	switch value := value.(type) {
	case string:
		return strings.ReplaceAll(value, "$", "$$")
	case map[string]any:
		for key, member := range value {
			value[key] = escapeDollars(member)
		}
	case []any:
		for i, item := range value {
			value[i] = escapeDollars(item)
		}
	}
	return value
}

// each visits the mappings in a mapping or a list.
func each(value any, visit func(map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			if fields, is := member.(map[string]any); is {
				visit(fields)
			}
		}
	case []any:
		for _, item := range value {
			if fields, is := item.(map[string]any); is {
				visit(fields)
			}
		}
	}
}

// writeNulls writes out values that are left empty, which would be written as
// empty strings.
func writeNulls(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		node.Value = "null"
	}
	for _, inner := range node.Content {
		writeNulls(inner)
	}
}

// remove removes a member of a mapping.
func remove(node *yaml.Node, name string) {
	for i := 0; node != nil && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			node.Content = slices.Delete(node.Content, i, i+2)
			return
		}
	}
}
