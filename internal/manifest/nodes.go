package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// NodeLimits bound what a YAML file describes.
type NodeLimits struct {
	// Nodes is the number of nodes after aliases are expanded.
	Nodes int
	// Bytes is the size of all scalars after aliases are expanded: a few aliases of a
	// long text make gigabytes.
	Bytes int
	// Depth is the nesting of nodes.
	Depth int
	// Documents is the number of documents.
	Documents int
}

// Problem is what is wrong with a YAML file, and where.
type Problem struct {
	Line int // from 1; 0 when the whole file is meant
	What string
}

// Error returns what is wrong.
func (p *Problem) Error() string { return p.What }

// Nodes parses YAML with the parser that Kustomize uses and returns its
// documents. A file that would expand to more nodes than the limits allow, or
// nests deeper, is refused before anything expands it. Every error is a
// Problem.
func Nodes(data []byte, limits NodeLimits) ([]*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	counter := &nodeCounter{limits: limits, known: map[*yaml.Node]weight{}}
	var documents []*yaml.Node
	var total weight
	for {
		document := &yaml.Node{}
		err := decodeNode(decoder, document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, &Problem{What: fmt.Sprintf("this is not YAML: %v; correct the syntax", err)}
		}
		one, err := counter.count(document, 0)
		if err != nil {
			return nil, err
		}
		if total = total.plus(one); counter.isOver(total) {
			return nil, counter.tooMuch(document, total)
		}
		if len(documents) >= limits.Documents {
			return nil, problem(document, "this has more than %d YAML documents; split it, or make it smaller", limits.Documents)
		}
		documents = append(documents, document)
	}
}

// decodeNode turns a panic of the parser into an error.
func decodeNode(decoder *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the parser stopped: %v", cause)
		}
	}()
	return decoder.Decode(into)
}

func problem(node *yaml.Node, format string, args ...any) *Problem {
	return &Problem{Line: node.Line, What: fmt.Sprintf(format, args...)}
}

// weight is what a node and all below it amount to once aliases are expanded.
type weight struct{ nodes, bytes int }

func (w weight) plus(other weight) weight {
	return weight{w.nodes + other.nodes, w.bytes + other.bytes}
}

// nodeCounter weighs documents as they are once aliases are expanded, without
// expanding them.
type nodeCounter struct {
	limits NodeLimits
	known  map[*yaml.Node]weight // of anchored nodes
}

// open marks an anchored node that is being weighed.
func open() weight { return weight{nodes: -1} }

func (c *nodeCounter) count(node *yaml.Node, depth int) (weight, error) {
	if depth > c.limits.Depth {
		return weight{}, problem(node, "values nest more than %d levels deep; flatten them", c.limits.Depth)
	}
	if node.Kind == yaml.AliasNode {
		return c.countAlias(node, depth)
	}
	if node.Anchor != "" {
		c.known[node] = open()
	}
	total := weight{1, len(node.Value)}
	for _, child := range node.Content {
		below, err := c.count(child, depth+1)
		if err != nil {
			return weight{}, err
		}
		if total = total.plus(below); c.isOver(total) {
			return weight{}, c.tooMuch(node, total)
		}
	}
	if node.Anchor != "" {
		c.known[node] = total
	}
	return total, nil
}

func (c *nodeCounter) countAlias(node *yaml.Node, depth int) (weight, error) {
	known, found := c.known[node.Alias]
	if found && known != open() {
		return known, nil
	}
	if found {
		return weight{}, problem(node, "the alias *%s is inside what it stands for; write the value out", node.Value)
	}
	return c.count(node.Alias, depth+1)
}

func (c *nodeCounter) isOver(w weight) bool {
	return w.nodes > c.limits.Nodes || w.bytes > c.limits.Bytes
}

func (c *nodeCounter) tooMuch(node *yaml.Node, w weight) error {
	if w.nodes > c.limits.Nodes {
		return problem(node, "this has more than %d values once its aliases are written out; make it smaller", c.limits.Nodes)
	}
	return problem(node, "this has values of more than %d bytes once its aliases are written out; make it smaller", c.limits.Bytes)
}
