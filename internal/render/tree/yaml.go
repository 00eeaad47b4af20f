package tree

import (
	"errors"

	"go.yaml.in/yaml/v3"

	"github.com/slipway-dev/slipway/internal/manifest"
)

// Documents parses the YAML documents of a file within the limits, before
// anything expands its aliases. Errors name the file and the line.
func Documents(name string, data []byte, limits Limits) ([]*yaml.Node, error) {
	documents, err := manifest.Nodes(data, manifest.NodeLimits{Nodes: limits.Nodes, Bytes: int(limits.Bytes), Depth: limits.Depth, Documents: limits.Documents})
	var problem *manifest.Problem
	if errors.As(err, &problem) {
		return nil, Place{File: name, Line: problem.Line}.Refuse("%s", problem.What)
	}
	return documents, err
}
