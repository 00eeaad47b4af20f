package kustomization

import (
	"maps"
	"path"
	"slices"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	syaml "sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Declaration is an object as a file of the tree declares it, or a patch of one,
// before Kustomize changes anything.
type Declaration struct {
	APIVersion, Kind, Name, Namespace string
	// At is where the file declares it; what is written inside a kustomization file
	// has the place of that.
	At tree.Place
	// By is the kustomization file that lists it.
	By string
	// Fields are the names of its fields.
	Fields []string
	// IsPatch says that it changes an object of another declaration.
	IsPatch bool
}

// String returns kind and name.
func (d Declaration) String() string { return d.Kind + " " + d.Name }

// Declarations returns the objects and patches that the kustomization files of a
// tree list, sorted by the files that list them. A file that is listed twice is
// there twice; what can't be read is left out.
func Declarations(files map[string][]byte) []Declaration {
	var all []Declaration
	for _, name := range slices.Sorted(maps.Keys(files)) {
		var list types.Kustomization
		if !slices.Contains(FileNames(), path.Base(name)) || syaml.Unmarshal(files[name], &list) != nil {
			continue
		}
		l := lister{files: files, by: name}
		for _, ref := range list.Resources {
			l.file(ref, false)
		}
		for _, patch := range list.Patches {
			l.patch(patch.Path, patch.Patch)
		}
		for _, patch := range list.PatchesStrategicMerge { //nolint:staticcheck // repositories have it
			if _, isFile := files[path.Join(path.Dir(name), string(patch))]; isFile {
				l.file(string(patch), true)
			} else {
				l.documents(name, []byte(patch), true)
			}
		}
		all = append(all, l.found...)
	}
	return all
}

// lister reads what one kustomization file lists.
type lister struct {
	files map[string][]byte
	by    string
	found []Declaration
}

func (l *lister) patch(file, inline string) {
	if file != "" {
		l.file(file, true)
		return
	}
	l.documents(l.by, []byte(inline), true)
}

func (l *lister) file(ref string, isPatch bool) {
	name := path.Join(path.Dir(l.by), ref)
	if data, isFile := l.files[name]; isFile {
		l.documents(name, data, isPatch)
	}
}

func (l *lister) documents(file string, data []byte, isPatch bool) {
	documents, err := tree.Documents(file, data, tree.DefaultLimits())
	if err != nil {
		return
	}
	for _, document := range documents {
		if len(document.Content) == 1 {
			l.object(file, document.Content[0], isPatch)
		}
	}
}

func (l *lister) object(file string, node *yaml.Node, isPatch bool) {
	if items := target(member(node, "items")); items != nil && items.Kind == yaml.SequenceNode {
		for _, item := range items.Content {
			l.object(file, target(item), isPatch)
		}
		return
	}
	metadata := member(node, "metadata")
	if node.Kind != yaml.MappingNode {
		return
	}
	at := tree.Place{File: file, Line: node.Line}
	if file == l.by {
		at.Line = 0 // of a text inside the file, which was written anew
	}
	l.found = append(l.found, Declaration{
		APIVersion: value(node, "apiVersion"), Kind: value(node, "kind"), Name: value(metadata, "name"), Namespace: value(metadata, "namespace"),
		Fields: fieldNames(node), At: at, By: l.by, IsPatch: isPatch,
	})
}

func fieldNames(node *yaml.Node) []string {
	var names []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		names = append(names, node.Content[i].Value)
	}
	return names
}

// value returns the text of a field, empty when there is none.
func value(node *yaml.Node, key string) string {
	if found := target(member(node, key)); found != nil && found.Kind == yaml.ScalarNode {
		return found.Value
	}
	return ""
}

// listedBy names the kustomization files that list declarations, each once.
func listedBy(declarations []Declaration) []string {
	var files []string
	for _, d := range declarations {
		if !slices.Contains(files, d.By) {
			files = append(files, d.By)
		}
	}
	return files
}

// places names where declarations are.
func places(declarations []Declaration) []string {
	var all []string
	for _, d := range declarations {
		if at := d.At.String(); !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all
}
