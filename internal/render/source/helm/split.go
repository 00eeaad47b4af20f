package helm

import (
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// separator is what Helm splits a rendered template at, wherever a line starts so:
// text may follow in the same line.
var separator = regexp.MustCompile(`(?m)^---[ \t]*`)

// split returns the objects of a rendered template.
func split(name, rendered string, s source.Service) ([]*yaml.RNode, error) {
	var objects []*yaml.RNode
	for _, text := range separator.Split(rendered, -1) {
		if strings.TrimSpace(text) == "" {
			continue
		}
		documents, err := tree.Documents(inRepository(name, s), []byte(text), s.Limits)
		if err != nil {
			return nil, refuse(s, "it renders what can't be read: %v", err)
		}
		for _, document := range documents {
			object := yaml.NewRNode(document)
			if !object.IsNilOrEmpty() && object.YNode().Kind == yaml.MappingNode {
				objects = append(objects, object)
			}
		}
		if len(objects) > s.Limits.Documents {
			return nil, refuse(s, "%s renders more than %d objects; split it", inRepository(name, s), s.Limits.Documents)
		}
	}
	return objects, nil
}
