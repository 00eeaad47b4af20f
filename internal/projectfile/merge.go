package projectfile

// merge lays over on base: maps merge by key, lists and single values replace,
// null removes. Neither argument is changed; values keep the place where they
// were written.
func merge(base, over *node) *node {
	if over == nil {
		return base
	}
	if over.kind != kindMap {
		return over
	}
	merged := &node{kind: kindMap, at: over.at, slot: over.slot}
	if base != nil && base.kind == kindMap {
		for _, e := range base.entries {
			if value := mergeEntry(e.value, over.get(e.key)); value != nil {
				merged.entries = append(merged.entries, entry{key: e.key, at: value.at, value: value})
			}
		}
	}
	for _, e := range over.entries {
		if base.get(e.key) != nil {
			continue
		}
		if value := mergeEntry(nil, e.value); value != nil {
			merged.entries = append(merged.entries, entry{key: e.key, at: e.at, value: value})
		}
	}
	return merged
}

func mergeEntry(base, over *node) *node {
	if over != nil && over.kind == kindNull {
		return nil
	}
	return merge(base, over)
}

// without returns a map less one key.
func (n *node) without(key string) *node {
	if n.get(key) == nil {
		return n
	}
	rest := *n
	rest.entries = nil
	for _, e := range n.entries {
		if e.key != key {
			rest.entries = append(rest.entries, e)
		}
	}
	return &rest
}

// forStage returns a service's node for a stage rule, without defaults.
func forStage(service *node, rule string) *node {
	return merge(service.without("stages"), service.get("stages").get(rule))
}
