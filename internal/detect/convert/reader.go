package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/detect/found"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// mapping is a mapping of a file that is taken key by key. What nobody took is
// left, with its line.
type mapping struct {
	file, field string
	node        *yaml.Node
	left        *[]found.Left
	taken       map[string]bool
}

// documents reads the mappings of a file, YAML or JSON, within limits.
func (c *conversion) documents(name string) ([]mapping, error) {
	nodes, err := tree.Documents(name, []byte(c.tree.Text(name)), tree.DefaultLimits())
	if err != nil {
		return nil, err
	}
	var all []mapping
	for _, node := range nodes {
		if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
			node = node.Content[0]
		}
		if node.Kind == yaml.MappingNode {
			all = append(all, mapping{file: name, node: node, left: &c.Left, taken: map[string]bool{}})
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.Invalid, "%s holds no mapping; write what the platform expects", name)
	}
	return all, nil
}

// child returns a value, nil when there is none, and takes it.
func (m mapping) child(key string) *yaml.Node {
	if m.node == nil {
		return nil
	}
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if m.node.Content[i].Value == key {
			m.taken[key] = true
			value := m.node.Content[i+1]
			for value.Kind == yaml.AliasNode {
				value = value.Alias
			}
			return value
		}
	}
	return nil
}

// text returns a scalar, empty when there is none.
func (m mapping) text(keys ...string) string {
	text := ""
	for _, key := range keys {
		if value := m.child(key); value != nil && value.Kind == yaml.ScalarNode && value.Tag != "!!null" && text == "" {
			text = value.Value
		}
	}
	return text
}

// number returns a whole number, 0 when there is none.
func (m mapping) number(key string) int32 {
	n, err := strconv.ParseInt(m.text(key), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return int32(n)
}

// has reports whether a key is there, without taking it.
func (m mapping) has(key string) bool {
	if m.node == nil {
		return false
	}
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if m.node.Content[i].Value == key {
			return true
		}
	}
	return false
}

// mapping returns a mapping below, an empty one when there is none.
func (m mapping) mapping(key string) mapping {
	below := mapping{file: m.file, field: m.join(key), left: m.left, taken: map[string]bool{}}
	if value := m.child(key); value != nil && value.Kind == yaml.MappingNode {
		below.node = value
	}
	return below
}

// items returns the mappings of a list below. Scalars among them are mappings
// with the key "".
func (m mapping) items(key string) []mapping {
	value := m.child(key)
	if value == nil || value.Kind != yaml.SequenceNode {
		return nil
	}
	var all []mapping
	for i, item := range value.Content {
		for item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		one := mapping{file: m.file, field: fmt.Sprintf("%s[%d]", m.join(key), i), node: item, left: m.left, taken: map[string]bool{}}
		if item.Kind == yaml.ScalarNode {
			one.node = &yaml.Node{Kind: yaml.MappingNode, Line: item.Line, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Line: item.Line}, item}}
		}
		all = append(all, one)
	}
	return all
}

// texts returns the scalars of a list below, or the scalar that stands in its place.
func (m mapping) texts(key string) []string {
	if text := m.text(key); text != "" {
		return []string{text}
	}
	var all []string
	for _, item := range m.items(key) {
		if text := item.text(""); text != "" {
			all = append(all, text)
		}
	}
	return all
}

// keys returns the keys, in their order.
func (m mapping) keys() []string {
	var all []string
	if m.node != nil {
		for i := 0; i+1 < len(m.node.Content); i += 2 {
			all = append(all, m.node.Content[i].Value)
		}
	}
	return all
}

func (m mapping) join(key string) string {
	switch {
	case m.field == "":
		return key
	case key == "":
		return m.field
	}
	return m.field + "." + key
}

// where is the place of a key.
func (m mapping) where(key string) string {
	at := tree.Place{File: m.file, Field: m.join(key)}
	if m.node != nil {
		at.Line = m.node.Line
		for i := 0; i+1 < len(m.node.Content); i += 2 {
			if m.node.Content[i].Value == key {
				at.Line = m.node.Content[i].Line
			}
		}
	}
	return at.String()
}

// leave names a key that is not taken, with the reason.
func (m mapping) leave(key, format string, args ...any) {
	m.taken[key] = true
	*m.left = append(*m.left, found.Left{Where: m.where(key), Reason: fmt.Sprintf(format, args...)})
}

// rest names every key that nobody took. Reasons are by key; a key with an
// empty reason says nothing that is lost.
func (m mapping) rest(reasons map[string]string) {
	for _, key := range m.keys() {
		if m.taken[key] {
			continue
		}
		reason, known := reasons[key]
		switch {
		case known && reason == "":
		case known:
			m.leave(key, "%s", reason)
		default:
			m.leave(key, "slipway.yaml has no word for it")
		}
	}
}

// value returns a value as plain data, without what is secret in it: that is
// left.
func (m mapping) value(key string) any {
	node := m.child(key)
	if node == nil {
		return nil
	}
	return m.plain(key, m.join(key), node)
}

func (m mapping) plain(name, field string, node *yaml.Node) any {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch node.Kind {
	case yaml.MappingNode:
		all := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			inner := node.Content[i].Value
			if value := m.plain(inner, field+"."+inner, node.Content[i+1]); value != nil {
				all[inner] = value
			}
		}
		return all
	case yaml.SequenceNode:
		list := []any{}
		for i, item := range node.Content {
			list = append(list, m.plain(name, fmt.Sprintf("%s[%d]", field, i), item))
		}
		return list
	}
	if found.IsSecret(variableLike(name), node.Value) && node.Tag == "!!str" {
		at := tree.Place{File: m.file, Line: node.Line, Field: field}
		*m.left = append(*m.left, found.Left{Where: at.String(), Reason: "it is secret, so its value is not copied: take it from an existing Secret, or set it in a file that only the cluster has"})
		return nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return node.Value
	}
	return value
}

// variableLike writes a key as variables are: adminPassword is admin_Password.
func variableLike(key string) string {
	var b strings.Builder
	for i, r := range key {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// clean returns a path of another platform's file as one of the repository,
// with . for none.
func clean(name string) string {
	name = strings.Trim(strings.TrimPrefix(strings.TrimSpace(name), "./"), "/")
	if name == "" || slices.Contains(strings.Split(name, "/"), "..") {
		return "."
	}
	return name
}
