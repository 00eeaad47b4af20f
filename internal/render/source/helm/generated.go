package helm

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render/source"
)

// maxShown is how many generated fields a warning names.
const maxShown = 5

// markGenerated annotates the objects that hold generated values, and returns the
// texts of their fields, with a warning that names them. Without a seed the texts
// are replaced by what stands for them.
func (r rendering) markGenerated(s source.Service) (texts []source.GeneratedText, warning string, err error) {
	var shown []string
	for _, group := range byObject(r.generated) {
		var paths []string
		for _, l := range group {
			if len(s.Seed) == 0 && l.isText() && !r.isInName(l.text) {
				l = l.hide(r.calls)
			}
			texts = append(texts, source.GeneratedText{Key: l.key, Text: l.text})
			paths = append(paths, l.path)
		}
		shown = append(shown, strings.Join(paths, ", ")+" of "+group[0].object.name())
		annotation := yaml.SetAnnotation(naming.AnnotationGenerated, strings.Join(paths, ","))
		if err := group[0].object.node.PipeE(annotation); err != nil {
			return nil, "", fmt.Errorf("mark generated values of %s: %w", group[0].object.name(), err)
		}
	}
	if len(shown) == 0 {
		return nil, "", nil
	}
	if more := len(shown) - maxShown; more > 0 {
		shown = append(shown[:maxShown], fmt.Sprintf("%d more objects", more))
	}
	return texts, fmt.Sprintf("service %s: the chart generates %s; the server derives the values from a seed of the stage that only it knows, so that they stay", s.Name, strings.Join(shown, "; ")), nil
}

// byObject groups fields by their objects. Names of objects are left out.
func byObject(leaves []leaf) [][]leaf {
	var groups [][]leaf
	for _, l := range leaves {
		if l.path == nameField {
			continue
		}
		if last := len(groups) - 1; last >= 0 && groups[last][0].object.node == l.object.node {
			groups[last] = append(groups[last], l)
			continue
		}
		groups = append(groups, []leaf{l})
	}
	return groups
}

// isInName reports whether a text is the name of an object, or holds a generated
// value that is part of one: nobody keeps names secret, and others refer to them.
func (r rendering) isInName(text string) bool {
	return slices.ContainsFunc(r.objects, func(o object) bool {
		name := o.node.GetName()
		return name == text || slices.ContainsFunc(r.calls, func(c call) bool {
			return c.value != "" && strings.Contains(text, c.value) && strings.Contains(name, c.value)
		})
	})
}

// hide replaces generated values in the field by what stands for them. A value of
// a Secret in base64 is written as plain text, so that it can be read.
func (l leaf) hide(calls []call) leaf {
	text, encoded := l.text, false
	if plain, ok := l.decoded(); ok && l.isSecret() {
		text, encoded = plain, true
	}
	hidden := text
	for _, c := range calls {
		if len(c.value) >= minNamed {
			hidden = strings.ReplaceAll(hidden, c.value, source.Unknown)
		}
	}
	if hidden == text { // it is made of generated values, say a digest of them
		hidden = source.Unknown
	}
	l.text, l.node.Value = hidden, hidden
	if encoded {
		l.node.Style = 0
		l.moveToText()
	}
	return l
}

// moveToText moves a value of a Secret from data to stringData.
func (l *leaf) moveToText() {
	root := l.object.node
	data, err := root.Pipe(yaml.Get("data"))
	if err != nil || data == nil {
		return
	}
	moved, err := data.Pipe(yaml.Clear(l.key))
	if err != nil || moved == nil {
		return
	}
	if len(data.YNode().Content) == 0 {
		_, _ = root.Pipe(yaml.Clear("data"))
	}
	if err := root.PipeE(yaml.LookupCreate(yaml.MappingNode, "stringData"), yaml.SetField(l.key, moved)); err == nil {
		l.path = "stringData." + l.key
	}
}
