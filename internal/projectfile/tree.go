package projectfile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// read turns the file's bytes into a tree, nil when that is impossible.
func read(r *report, data []byte) *node {
	tokens, ok := scan(r, data)
	if !ok {
		return nil
	}
	file, err := parse(tokens)
	if err != nil {
		syntax(r, err)
		return nil
	}
	body := body(r, file)
	if body == nil {
		return nil
	}
	t := newTree(r)
	root := t.node(body, slot{}, 1)
	if t.stopped {
		return nil
	}
	return root
}

// parse calls the YAML parser, which may panic on input that nobody foresaw.
func parse(tokens token.Tokens) (file *ast.File, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.New("the text confuses the YAML parser")
		}
	}()
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

func syntax(r *report, err error) {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		remedy := "correct the syntax"
		if strings.Contains(syntax.Message, "'\t'") {
			remedy = "indent with spaces"
		}
		r.beyond(tokenPlace(syntax.Token), "", "is no valid YAML here: "+clip(syntax.Message), remedy)
		return
	}
	r.beyond(place{}, "", "is no valid YAML: "+clip(err.Error()), "correct the syntax")
}

// body returns the one document's value.
func body(r *report, file *ast.File) ast.Node {
	var found ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if found != nil || doc.Body.Type() == ast.DirectiveType {
			r.beyond(nodePlace(doc.Body), "", "has more than one document or a directive", "keep one document and remove --- and %")
			return nil
		}
		found = doc.Body
	}
	if found == nil {
		r.beyond(place{}, "", "is empty", "write at least version, project, members, stages and services")
	}
	return found
}

// tree converts the parser's nodes, expanding aliases within limits.
type tree struct {
	*report
	anchors map[string]ast.Node
	nodes   int
	aliases int
	stopped bool
}

func newTree(r *report) *tree { return &tree{report: r, anchors: map[string]ast.Node{}} }

// stop reports that the file goes beyond a limit; what was read of it so far
// is worth nothing.
func (t *tree) stop(n ast.Node, at slot, what, remedy string) *node {
	if !t.stopped {
		t.stopped = true
		t.beyond(nodePlace(n), at.path(), what, remedy)
	}
	return &node{}
}

// refuse reports a part of YAML that the file must not use.
func (t *tree) refuse(n ast.Node, at slot, what, remedy string) *node {
	t.beyond(nodePlace(n), at.path(), what, remedy)
	return &node{kind: kindInvalid, at: nodePlace(n), slot: at}
}

func nodePlace(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return tokenPlace(m.Values[0].Key.GetToken())
	}
	return tokenPlace(n.GetToken())
}

func (t *tree) node(n ast.Node, at slot, depth int) *node {
	t.nodes++
	switch {
	case t.stopped:
		return &node{}
	case t.nodes > MaxNodes:
		return t.stop(n, at, fmt.Sprintf("the file has more than %d values when aliases are expanded", MaxNodes), "write less, or use fewer aliases")
	case depth > MaxDepth:
		return t.stop(n, at, fmt.Sprintf("the file has more than %d maps and lists inside each other", MaxDepth), "flatten it")
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return t.mapping(n, n.Values, at, depth)
	case *ast.MappingValueNode:
		return t.mapping(n, []*ast.MappingValueNode{n}, at, depth)
	case *ast.SequenceNode:
		list := &node{kind: kindList, at: nodePlace(n), slot: at, items: make([]*node, 0, len(n.Values))}
		for i, value := range n.Values {
			list.items = append(list.items, t.node(value, slot{parent: list, index: i}, depth+1))
		}
		return list
	case *ast.AnchorNode:
		value := t.node(n.Value, at, depth)
		t.anchors[n.Name.GetToken().Value] = n.Value
		return value
	case *ast.AliasNode:
		return t.alias(n, at, depth)
	}
	return t.scalar(n, at)
}

// alias expands an alias. An anchor is known only after its whole value, so
// that none can contain itself.
func (t *tree) alias(n *ast.AliasNode, at slot, depth int) *node {
	t.aliases++
	if t.aliases > MaxAliases {
		return t.stop(n, at, fmt.Sprintf("the file uses aliases more than %d times", MaxAliases), "write the values out")
	}
	name := n.Value.GetToken().Value
	value, ok := t.anchors[name]
	if !ok {
		return t.refuse(n, at, "uses the alias *"+clip(name)+", which is not defined before it", "define &"+clip(name)+" first, or write the value out")
	}
	expanded := t.node(value, at, depth)
	expanded.at = nodePlace(n)
	return expanded
}

func (t *tree) mapping(n ast.Node, values []*ast.MappingValueNode, at slot, depth int) *node {
	m := &node{kind: kindMap, at: nodePlace(n), slot: at, entries: make([]entry, 0, len(values))}
	seen := make(map[string]place, len(values))
	for _, value := range values {
		key, ok := value.Key.(*ast.StringNode)
		if !ok || len(key.Value) > MaxKey {
			t.key(value.Key, at)
			continue
		}
		keyAt, inner := tokenPlace(key.Token), slot{parent: m, key: key.Value}
		if first, ok := seen[key.Value]; ok {
			t.beyond(keyAt, inner.path(), fmt.Sprintf("the key is given twice, first in line %d", first.line), "keep one of them")
			continue
		}
		seen[key.Value] = keyAt
		v := t.node(value.Value, inner, depth+1)
		if v.kind == kindMap || v.kind == kindList || v.kind == kindNull {
			v.at = keyAt
		}
		m.entries = append(m.entries, entry{key: key.Value, at: keyAt, value: v})
	}
	return m
}

func (t *tree) key(n ast.MapKeyNode, at slot) {
	switch n.(type) {
	case *ast.MergeKeyNode:
		t.refuse(n, at, "uses a merge key (<<)", "repeat the keys; a service's differences per stage belong under its stages key")
	case *ast.MappingKeyNode:
		t.refuse(n, at, "uses a complex key (?)", "write key: value")
	case *ast.StringNode:
		t.refuse(n, at, fmt.Sprintf("has a key longer than %d bytes", MaxKey), "shorten it")
	default:
		t.refuse(n, at, "has a key that is no string", "put the key in quotes")
	}
}

func (t *tree) scalar(n ast.Node, at slot) *node {
	s := &node{at: nodePlace(n), slot: at}
	switch n := n.(type) {
	case *ast.NullNode:
		s.kind = kindNull
	case *ast.BoolNode:
		s.kind, s.boolean = kindBool, n.Value
	case *ast.StringNode:
		s.kind, s.text = kindString, n.Value
	case *ast.LiteralNode:
		s.kind, s.text = kindString, n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode:
		return t.number(n, s)
	case *ast.TagNode:
		return t.refuse(n, at, "uses a tag (!)", "remove the tag; quotes make a string")
	default:
		return t.refuse(n, at, "has a value that is neither map, list, string, number, true nor false", "put it in quotes")
	}
	return s
}

// number reads a decimal number. Other notations mean different things to
// different YAML readers.
func (t *tree) number(n ast.Node, s *node) *node {
	text := n.GetToken().Value
	if v, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(v, 10) == text {
		s.kind, s.integer, s.float = kindInteger, v, float64(v)
		return s
	}
	v, err := strconv.ParseFloat(text, 64)
	_, isFloat := n.(*ast.FloatNode)
	if err != nil || math.IsInf(v, 0) || !isFloat {
		return t.refuse(n, s.slot, "is a number in a notation that YAML readers understand differently", "write it in decimal, or put it in quotes")
	}
	s.kind, s.float = kindFloat, v
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		s.kind, s.integer = kindInteger, int64(v)
	}
	return s
}
