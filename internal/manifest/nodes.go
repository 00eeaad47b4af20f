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
	counter := &nodeCounter{limits: limits, known: map[*yaml.Node]int{}}
	var documents []*yaml.Node
	total := 0
	for {
		document := &yaml.Node{}
		err := decodeNode(decoder, document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, &Problem{What: fmt.Sprintf("this is not YAML: %v; correct the syntax", err)}
		}
		nodes, err := counter.count(document, 0)
		if err != nil {
			return nil, err
		}
		if total += nodes; total > limits.Nodes {
			return nil, counter.tooMany(document)
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

// nodeCounter counts the nodes that a document has once aliases are expanded,
// without expanding them.
type nodeCounter struct {
	limits NodeLimits
	known  map[*yaml.Node]int // nodes below an anchored one
}

// open marks an anchored node whose nodes are being counted.
const open = -1

func (c *nodeCounter) count(node *yaml.Node, depth int) (int, error) {
	if depth > c.limits.Depth {
		return 0, problem(node, "values nest more than %d levels deep; flatten them", c.limits.Depth)
	}
	if node.Kind == yaml.AliasNode {
		return c.countAlias(node, depth)
	}
	if node.Anchor != "" {
		c.known[node] = open
	}
	total := 1
	for _, child := range node.Content {
		nodes, err := c.count(child, depth+1)
		if err != nil {
			return 0, err
		}
		if total += nodes; total > c.limits.Nodes {
			return 0, c.tooMany(node)
		}
	}
	if node.Anchor != "" {
		c.known[node] = total
	}
	return total, nil
}

func (c *nodeCounter) countAlias(node *yaml.Node, depth int) (int, error) {
	nodes, known := c.known[node.Alias]
	if known && nodes != open {
		return nodes, nil
	}
	if known {
		return 0, problem(node, "the alias *%s is inside what it stands for; write the value out", node.Value)
	}
	return c.count(node.Alias, depth+1)
}

func (c *nodeCounter) tooMany(node *yaml.Node) error {
	return problem(node, "this has more than %d values once its aliases are written out; make it smaller", c.limits.Nodes)
}
