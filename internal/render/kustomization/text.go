package kustomization

import "sigs.k8s.io/kustomize/kyaml/yaml"

// keepTexts makes text of what can be nothing else: annotations, labels and values of
// variables. Kustomize's replacements copy a text without its quotes where they make the
// field, and then 8080 or 1.50 would be a number.
func keepTexts(node *yaml.Node) {
	switch node.Kind {
	case yaml.DocumentNode, yaml.SequenceNode:
		for _, child := range node.Content {
			keepTexts(child)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			switch key, value := node.Content[i].Value, node.Content[i+1]; key {
			case "annotations", "labels", "matchLabels":
				textual(value)
			case "env":
				for _, variable := range value.Content {
					textual(variable)
				}
			default:
				keepTexts(value)
			}
		}
	}
}

// textual makes text of the values of a mapping.
func textual(node *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return
	}
	for i := 1; i < len(node.Content); i += 2 {
		value := node.Content[i]
		if value.Kind == yaml.ScalarNode && value.Tag != yaml.NodeTagNull {
			value.Tag = yaml.NodeTagString
		}
	}
}
