package syntax

// Merge lays over on base: maps merge by key, lists and single values replace,
// null removes. Neither argument is changed; values keep the place where they
// were written.
func Merge(base, over *Node) *Node {
	if over == nil {
		return base
	}
	if over.Kind != Map {
		return over
	}
	merged := &Node{Kind: Map, At: over.At, Slot: over.Slot}
	if base != nil && base.Kind == Map {
		for _, e := range base.Entries {
			if value := mergeEntry(e.Value, over.Get(e.Key)); value != nil {
				merged.Entries = append(merged.Entries, Entry{Key: e.Key, At: value.At, Value: value})
			}
		}
	}
	for _, e := range over.Entries {
		if base.Get(e.Key) != nil {
			continue
		}
		if value := mergeEntry(nil, e.Value); value != nil {
			merged.Entries = append(merged.Entries, Entry{Key: e.Key, At: e.At, Value: value})
		}
	}
	return merged
}

func mergeEntry(base, over *Node) *Node {
	if over != nil && over.Kind == Null {
		return nil
	}
	return Merge(base, over)
}

// Without returns a map less one key.
func (n *Node) Without(key string) *Node {
	if n.Get(key) == nil {
		return n
	}
	rest := *n
	rest.Entries = nil
	for _, e := range n.Entries {
		if e.Key != key {
			rest.Entries = append(rest.Entries, e)
		}
	}
	return &rest
}
