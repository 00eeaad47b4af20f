package key

import (
	"slices"
	"strings"
)

// Treatment is what happens to a key.
type Treatment string

// The treatments.
const (
	Mapped  Treatment = "mapped"
	Holds   Treatment = "holds"   // without anything being made of it
	LeftOut Treatment = "warning" // and nothing is made of it
	Refused Treatment = "error"
	// inside says that each key below has a decision of its own.
	inside Treatment = ""
)

// Key is a key of a Compose file.
type Key struct {
	// Path has * for the names of a mapping and the items of a list.
	Path      string
	Treatment Treatment
	// Text says what the key becomes, why it holds, or why it can't and what to
	// do.
	Text string
	// Harmless are values that say what is so anyway: they are neither errors
	// nor warnings.
	Harmless []string
}

// Service is the path of a service.
const Service = "services.*."

// All returns the whole table, in the order of the documentation.
func All() []Key {
	return slices.Concat(serviceKeys(), networkKeys(), volumeKeys(), buildKeys(), deployKeys(), limitKeys(), hostKeys(), topKeys())
}

// node is the table as a tree.
type node struct {
	key      *Key
	children map[string]*node
}

func (n *node) child(step string) *node {
	if n == nil {
		return nil
	}
	if named := n.children[step]; named != nil {
		return named
	}
	return n.children["*"]
}

// inner reports whether keys below the node have decisions of their own.
func (n *node) inner() bool { return n != nil && len(n.children) > 0 }

// table returns the table as a tree.
func table() *node {
	root := &node{children: map[string]*node{}}
	for _, k := range All() {
		at := root
		for step := range strings.SplitSeq(k.Path, ".") {
			next := at.children[step]
			if next == nil {
				next = &node{children: map[string]*node{}}
				at.children[step] = next
			}
			at = next
		}
		at.key = &k
	}
	return root
}
