package file

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// At returns the place of a key: the last file that has most of the path
// says it. Indexes of lists are numbers.
func (c *Compose) At(path ...string) tree.Place {
	at := tree.Place{File: c.documents[0].name, Field: field(path)}
	deepest := -1
	for _, d := range c.documents {
		if node, depth := descend(d.root, path); node != nil && depth >= deepest {
			deepest, at.File, at.Line = depth, d.name, node.Line
		}
	}
	return at
}

// field writes a path as people do: services.web.ports[0].
func field(path []string) string {
	var b strings.Builder
	for i, step := range path {
		switch _, err := strconv.Atoi(step); {
		case err == nil:
			b.WriteString("[" + step + "]")
			continue
		case i > 0:
			b.WriteByte('.')
		}
		b.WriteString(step)
	}
	return b.String()
}

// descend follows the path as far as the node has it, and returns how many
// steps that were. The node of a mapping's value is its key, which may be some
// lines above.
func descend(node *yaml.Node, path []string) (found *yaml.Node, depth int) {
	found = node
	for i, step := range path {
		key, value := child(node, step)
		if value == nil {
			return found, i
		}
		found, node = key, value
	}
	return found, len(path)
}

// child returns a member of a mapping or a list, with the node that names it.
func child(node *yaml.Node, step string) (key, value *yaml.Node) {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node == nil {
		return nil, nil
	}
	switch node.Kind {
	case yaml.MappingNode:
		return childOfMapping(node, step)
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i], node.Content[i]
		}
		for _, item := range node.Content {
			if name, _, _ := strings.Cut(item.Value, "="); item.Kind == yaml.ScalarNode && name == step {
				return item, item
			}
		}
	}
	return nil, nil
}

func childOfMapping(node *yaml.Node, step string) (key, value *yaml.Node) {
	var merged []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		switch name := node.Content[i]; {
		case name.Value == step:
			return name, node.Content[i+1]
		case name.Tag == "!!merge" || name.Value == "<<":
			merged = append(merged, node.Content[i+1])
		}
	}
	for _, m := range merged {
		if m.Kind == yaml.AliasNode {
			m = m.Alias
		}
		parts := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			parts = m.Content
		}
		for _, part := range parts {
			if key, value := child(part, step); value != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// member returns a member of a mapping, nil when it has none of the name.
func member(node *yaml.Node, name string) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	_, value := childOfMapping(node, name)
	return value
}
