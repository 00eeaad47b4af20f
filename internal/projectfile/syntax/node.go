package syntax

import (
	"strconv"
	"strings"
)

// Place is a position in the file, both from 1; the zero place is nowhere.
type Place struct{ Line, Column int }

// Kind is what sort of value a node is.
type Kind int

// The kinds of values.
const (
	Null Kind = iota
	Bool
	Integer
	Float
	String
	List
	Map
	Invalid // already reported
)

// Noun names the kind in messages.
func (k Kind) Noun() string {
	return [...]string{"empty", "true or false", "a number", "a number", "a string", "a list", "a map", "invalid"}[k]
}

// Node is a value of the file with its place. A map or list that is the value
// of a key has the key's place.
type Node struct {
	Kind Kind
	At   Place
	Slot
	Text    string // of a string
	Bool    bool
	Integer int64
	Float   float64
	Entries []Entry // of a map, in the file's order
	Items   []*Node // of a list
}

// Slot is where in the tree a node was written. Paths are made from it when
// somebody asks: stored ones could take the square of the file's size.
type Slot struct {
	parent *Node // nil for the root and for defaults
	key    string
	index  int
}

// Path returns the way from the root: services.web.routes[0].path.
func (s Slot) Path() string {
	switch {
	case s.parent == nil:
		return s.key
	case s.parent.Kind == List:
		return Index(s.parent.Path(), s.index)
	}
	return Join(s.parent.Path(), s.key)
}

// Entry is a key of a map with its value.
type Entry struct {
	Key   string
	At    Place
	Value *Node
}

// Get returns the value of a key, nil when there is none.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// Find returns the place of the value at a path below the node: of its key
// when it has one.
func (n *Node) Find(path string) (Place, bool) {
	for _, e := range n.Entries {
		if rest, ok := Descend(path, Join("", e.Key)); ok {
			if rest == "" {
				return e.Value.At, true
			}
			return e.Value.Find(rest)
		}
	}
	for i, item := range n.Items {
		if rest, ok := Descend(path, Index("", i)); ok {
			if rest == "" {
				return item.At, true
			}
			return item.Find(rest)
		}
	}
	return Place{}, false
}

// Descend takes one step off the front of a path.
func Descend(path, step string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, step)
	switch {
	case !ok:
		return "", false
	case rest == "" || rest[0] == '[':
		return rest, true
	case rest[0] == '.':
		return rest[1:], true
	}
	return "", false
}

// Index returns the path of a list's item.
func Index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// Join returns the path of a key: a.b, or a["b.c"] where a dot would mislead.
func Join(path, key string) string {
	if strings.ContainsAny(key, `."[] `) || key == "" {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// Plain returns the node as JSON has it: nil, bool, int64, float64, string,
// []any or map[string]any.
func (n *Node) Plain() any {
	switch n.Kind {
	case Bool:
		return n.Bool
	case Integer:
		return n.Integer
	case Float:
		return n.Float
	case String:
		return n.Text
	case List:
		list := make([]any, len(n.Items))
		for i, item := range n.Items {
			list[i] = item.Plain()
		}
		return list
	case Map:
		values := make(map[string]any, len(n.Entries))
		for _, e := range n.Entries {
			values[e.Key] = e.Value.Plain()
		}
		return values
	}
	return nil
}
