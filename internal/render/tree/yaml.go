package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Documents parses YAML with the parser that Kustomize uses and returns its
// documents. Files that would expand to more nodes than the limits allow, or
// nest deeper, are refused before anything expands them.
func Documents(name string, data []byte, limits Limits) ([]*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	weigher := &weigher{file: name, limits: limits, known: map[*yaml.Node]int{}}
	var documents []*yaml.Node
	total := 0
	for {
		document := &yaml.Node{}
		err := decodeNode(decoder, document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, Place{File: name}.Refuse("this is not YAML: %v; correct the syntax", err)
		}
		weight, err := weigher.weigh(document, 0)
		if err != nil {
			return nil, err
		}
		if total += weight; total > limits.Nodes {
			return nil, weigher.tooMany(document)
		}
		if len(documents) >= limits.Documents {
			return nil, Place{File: name, Line: document.Line}.Refuse("this has more than %d YAML documents; split it, or make it smaller", limits.Documents)
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

// weigher counts the nodes that a document has once aliases are expanded,
// without expanding them.
type weigher struct {
	file   string
	limits Limits
	known  map[*yaml.Node]int
}

// open marks an anchored node whose weight is being counted.
const open = -1

func (w *weigher) weigh(node *yaml.Node, depth int) (int, error) {
	at := Place{File: w.file, Line: node.Line}
	if depth > w.limits.Depth {
		return 0, at.Refuse("values nest more than %d levels deep; flatten them", w.limits.Depth)
	}
	if node.Kind == yaml.AliasNode {
		return w.weighAlias(node, depth)
	}
	if node.Anchor != "" {
		w.known[node] = open
	}
	total := 1
	for _, child := range node.Content {
		weight, err := w.weigh(child, depth+1)
		if err != nil {
			return 0, err
		}
		if total += weight; total > w.limits.Nodes {
			return 0, w.tooMany(node)
		}
	}
	if node.Anchor != "" {
		w.known[node] = total
	}
	return total, nil
}

func (w *weigher) weighAlias(node *yaml.Node, depth int) (int, error) {
	weight, known := w.known[node.Alias]
	if known && weight != open {
		return weight, nil
	}
	at := Place{File: w.file, Line: node.Line}
	if known {
		return 0, at.Refuse("the alias *%s is inside what it stands for; write the value out", node.Value)
	}
	return w.weigh(node.Alias, depth+1)
}

func (w *weigher) tooMany(node *yaml.Node) error {
	return Place{File: w.file, Line: node.Line}.Refuse("this has more than %d values once its aliases are written out; make it smaller", w.limits.Nodes)
}
