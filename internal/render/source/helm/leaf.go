package helm

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// nameField is where the name of an object is.
const nameField = "metadata.name"

// leaf is a field of an object that holds no other.
type leaf struct {
	object object
	path   string // data.password, spec.ports[0].port
	key    string // the last name of the path
	text   string
	node   *yaml.Node
}

// isText reports whether the field holds text, and no number.
func (l leaf) isText() bool { return l.node.Tag == yaml.NodeTagString }

// isSecret reports whether the field is a value of a Secret.
func (l leaf) isSecret() bool {
	return l.object.node.GetKind() == "Secret" && (strings.HasPrefix(l.path, "data.") || strings.HasPrefix(l.path, "stringData."))
}

// leaves returns the fields of the object that hold no other, in their order.
func (o object) leaves() []leaf {
	var all []leaf
	var walk func(node *yaml.Node, path, key string)
	walk = func(node *yaml.Node, path, key string) {
		switch node.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(node.Content); i += 2 {
				name := node.Content[i].Value
				walk(node.Content[i+1], strings.TrimPrefix(path+"."+name, "."), name)
			}
		case yaml.SequenceNode:
			for i, child := range node.Content {
				walk(child, fmt.Sprintf("%s[%d]", path, i), key)
			}
		case yaml.AliasNode:
			walk(node.Alias, path, key)
		case yaml.ScalarNode:
			all = append(all, leaf{object: o, path: path, key: key, text: node.Value, node: node})
		}
	}
	walk(o.node.YNode(), "", "")
	return all
}

// differences returns the fields of objects that are not so in others, which were
// rendered from the same chart.
func differences(others, objects []object) []leaf {
	var found []leaf
	for i, o := range objects {
		known := map[string]string{}
		if i < len(others) {
			for _, l := range others[i].leaves() {
				known[l.path] = l.text
			}
		}
		for _, l := range o.leaves() {
			if text, is := known[l.path]; !is || text != l.text {
				found = append(found, l)
			}
		}
	}
	return found
}
