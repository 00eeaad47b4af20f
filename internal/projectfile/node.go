package projectfile

import (
	"strconv"
	"strings"
)

// place is a position in the file, both from 1; the zero place is nowhere.
type place struct{ line, column int }

// kind is what sort of value a node is.
type kind int

const (
	kindNull kind = iota
	kindBool
	kindInteger
	kindFloat
	kindString
	kindList
	kindMap
	kindInvalid // already reported
)

// noun names the kind in messages.
func (k kind) noun() string {
	return [...]string{"empty", "true or false", "a number", "a number", "a string", "a list", "a map", "invalid"}[k]
}

// node is a value of the file with its place. A map or list that is the value
// of a key has the key's place.
type node struct {
	kind kind
	at   place
	slot
	text    string // of a string
	boolean bool
	integer int64
	float   float64
	entries []entry // of a map, in the file's order
	items   []*node // of a list
}

// slot is where in the tree a node was written. Paths are made from it when
// somebody asks: stored ones could take the square of the file's size.
type slot struct {
	parent *node // nil for the root and for defaults
	key    string
	index  int
}

// path returns the way from the root: services.web.routes[0].path.
func (s slot) path() string {
	switch {
	case s.parent == nil:
		return s.key
	case s.parent.kind == kindList:
		return index(s.parent.path(), s.index)
	}
	return join(s.parent.path(), s.key)
}

// entry is a key of a map with its value.
type entry struct {
	key   string
	at    place
	value *node
}

// get returns the value of a key, nil when there is none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// find returns the place of the value at a path below the node: of its key
// when it has one.
func (n *node) find(path string) (place, bool) {
	for _, e := range n.entries {
		if rest, ok := descend(path, join("", e.key)); ok {
			if rest == "" {
				return e.value.at, true
			}
			return e.value.find(rest)
		}
	}
	for i, item := range n.items {
		if rest, ok := descend(path, index("", i)); ok {
			if rest == "" {
				return item.at, true
			}
			return item.find(rest)
		}
	}
	return place{}, false
}

// descend takes one step off the front of a path.
func descend(path, step string) (rest string, ok bool) {
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

// index returns the path of a list's item.
func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// join returns the path of a key: a.b, or a["b.c"] where a dot would mislead.
func join(path, key string) string {
	if strings.ContainsAny(key, `."[] `) || key == "" {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// plain returns the node as JSON has it: nil, bool, int64, float64, string,
// []any or map[string]any.
func (n *node) plain() any {
	switch n.kind {
	case kindBool:
		return n.boolean
	case kindInteger:
		return n.integer
	case kindFloat:
		return n.float
	case kindString:
		return n.text
	case kindList:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = item.plain()
		}
		return list
	case kindMap:
		values := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			values[e.key] = e.value.plain()
		}
		return values
	}
	return nil
}
