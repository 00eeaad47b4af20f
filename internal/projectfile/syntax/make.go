package syntax

// Put adds a key to a map.
func (n *Node) Put(key string, value *Node) {
	n.Entries = append(n.Entries, Entry{Key: key, Value: value})
}

// NewMap returns a map without a place, from alternating keys (string) and
// values (*Node).
func NewMap(pairs ...any) *Node {
	m := &Node{Kind: Map}
	for i := 0; i < len(pairs); i += 2 {
		m.Put(pairs[i].(string), pairs[i+1].(*Node))
	}
	return m
}

// NewString returns a string without a place.
func NewString(s string) *Node { return &Node{Kind: String, Text: s} }

// NewInteger returns a whole number without a place.
func NewInteger(v int64) *Node { return &Node{Kind: Integer, Integer: v, Float: float64(v)} }
