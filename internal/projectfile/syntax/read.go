package syntax

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

// Read turns the file's bytes into a tree, nil when that is impossible.
func Read(r *Report, data []byte) *Node {
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
	root := t.node(body, Slot{}, 1)
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

func syntax(r *Report, err error) {
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) {
		remedy := "correct the syntax"
		if strings.Contains(syntax.Message, "'\t'") {
			remedy = "indent with spaces"
		}
		r.Beyond(tokenPlace(syntax.Token), "", "is not valid YAML here: "+Clip(syntax.Message), remedy)
		return
	}
	r.Beyond(Place{}, "", "is not valid YAML: "+Clip(err.Error()), "correct the syntax")
}

// body returns the one document's value.
func body(r *Report, file *ast.File) ast.Node {
	var found ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if found != nil || doc.Body.Type() == ast.DirectiveType {
			r.Beyond(nodePlace(doc.Body), "", "has more than one document or a directive", "keep one document and remove --- and %")
			return nil
		}
		found = doc.Body
	}
	if found == nil {
		r.Beyond(Place{}, "", "is empty", "write at least version, project, members, stages and services")
	}
	return found
}

// tree converts the parser's nodes, expanding aliases within limits.
type tree struct {
	*Report
	anchors map[string]ast.Node
	nodes   int
	aliases int
	stopped bool
}

func newTree(r *Report) *tree { return &tree{Report: r, anchors: map[string]ast.Node{}} }

// stop reports that the file goes beyond a limit; what was read of it so far
// is worth nothing.
func (t *tree) stop(n ast.Node, at Slot, what, remedy string) *Node {
	if !t.stopped {
		t.stopped = true
		t.Beyond(nodePlace(n), at.Path(), what, remedy)
	}
	return &Node{}
}

// refuse reports a part of YAML that the file must not use.
func (t *tree) refuse(n ast.Node, at Slot, what, remedy string) *Node {
	t.Beyond(nodePlace(n), at.Path(), what, remedy)
	return &Node{Kind: Invalid, At: nodePlace(n), Slot: at}
}

func nodePlace(n ast.Node) Place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return tokenPlace(m.Values[0].Key.GetToken())
	}
	return tokenPlace(n.GetToken())
}

func (t *tree) node(n ast.Node, at Slot, depth int) *Node {
	t.nodes++
	switch {
	case t.stopped:
		return &Node{}
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
		list := &Node{Kind: List, At: nodePlace(n), Slot: at, Items: make([]*Node, 0, len(n.Values))}
		for i, value := range n.Values {
			list.Items = append(list.Items, t.node(value, Slot{parent: list, index: i}, depth+1))
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
func (t *tree) alias(n *ast.AliasNode, at Slot, depth int) *Node {
	t.aliases++
	if t.aliases > MaxAliases {
		return t.stop(n, at, fmt.Sprintf("the file uses aliases more than %d times", MaxAliases), "write the values out")
	}
	name := n.Value.GetToken().Value
	value, ok := t.anchors[name]
	if !ok {
		return t.refuse(n, at, "uses the alias *"+Clip(name)+", which is not defined before it", "define &"+Clip(name)+" first, or write the value out")
	}
	expanded := t.node(value, at, depth)
	expanded.At = nodePlace(n)
	return expanded
}

func (t *tree) mapping(n ast.Node, values []*ast.MappingValueNode, at Slot, depth int) *Node {
	m := &Node{Kind: Map, At: nodePlace(n), Slot: at, Entries: make([]Entry, 0, len(values))}
	seen := make(map[string]Place, len(values))
	for _, value := range values {
		key, ok := value.Key.(*ast.StringNode)
		if !ok || len(key.Value) > MaxKey {
			t.key(value.Key, at)
			continue
		}
		keyAt, inner := tokenPlace(key.Token), Slot{parent: m, key: key.Value}
		if first, ok := seen[key.Value]; ok {
			t.Beyond(keyAt, inner.Path(), fmt.Sprintf("the key is given twice, first in line %d", first.Line), "keep one of them")
			continue
		}
		seen[key.Value] = keyAt
		v := t.node(value.Value, inner, depth+1)
		if v.Kind == Map || v.Kind == List || v.Kind == Null {
			v.At = keyAt
		}
		m.Entries = append(m.Entries, Entry{Key: key.Value, At: keyAt, Value: v})
	}
	return m
}

func (t *tree) key(n ast.MapKeyNode, at Slot) {
	switch n.(type) {
	case *ast.MergeKeyNode:
		t.refuse(n, at, "uses a merge key (<<)", "repeat the keys; a service's differences per stage belong under its stages key")
	case *ast.MappingKeyNode:
		t.refuse(n, at, "uses a complex key (?)", "write key: value")
	case *ast.StringNode:
		t.refuse(n, at, fmt.Sprintf("has a key longer than %d bytes", MaxKey), "shorten it")
	default:
		t.refuse(n, at, "has a key that is not a string", "put the key in quotes")
	}
}

func (t *tree) scalar(n ast.Node, at Slot) *Node {
	s := &Node{At: nodePlace(n), Slot: at}
	switch n := n.(type) {
	case *ast.NullNode:
		s.Kind = Null
	case *ast.BoolNode:
		s.Kind, s.Bool = Bool, n.Value
	case *ast.StringNode:
		s.Kind, s.Text = String, n.Value
	case *ast.LiteralNode:
		s.Kind, s.Text = String, n.Value.Value
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
func (t *tree) number(n ast.Node, s *Node) *Node {
	text := n.GetToken().Value
	if v, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(v, 10) == text {
		s.Kind, s.Integer, s.Float = Integer, v, float64(v)
		return s
	}
	v, err := strconv.ParseFloat(text, 64)
	_, isFloat := n.(*ast.FloatNode)
	if err != nil || math.IsInf(v, 0) || !isFloat {
		return t.refuse(n, s.Slot, "is a number in a notation that YAML readers understand differently", "write it in decimal, or put it in quotes")
	}
	s.Kind, s.Float = Float, v
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		s.Kind, s.Integer = Integer, int64(v)
	}
	return s
}
