package kustomization

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
	syaml "sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/render/tree"
)

// File is a kustomization file that the walk has understood.
type File struct {
	Path    string // from the repository's root
	Content types.Kustomization

	root *yaml.Node
}

// FileNames returns the names that a kustomization file may have.
func FileNames() []string {
	return []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}
}

// find returns the path of the one kustomization file in dir.
func find(r *tree.Reader, at tree.Place, dir string) (string, error) {
	var found []string
	for _, name := range FileNames() {
		if candidate := path.Join(dir, name); r.Exists(candidate) {
			found = append(found, candidate)
		}
	}
	switch len(found) {
	case 0:
		return "", at.Refuse("the directory %s has no kustomization.yaml; add one that lists its resources", tree.Quote(dir))
	case 1:
		return found[0], nil
	}
	return "", at.Refuse("the directory %s has several kustomization files: %s; keep one", tree.Quote(dir), strings.Join(found, ", "))
}

// load reads the kustomization file in dir and replaces it by what was
// understood of it.
func load(ctx context.Context, r *tree.Reader, at tree.Place, dir string) (*File, error) {
	name, err := find(r, at, dir)
	if err != nil {
		return nil, err
	}
	data, err := r.File(ctx, at, name)
	if err != nil {
		return nil, err
	}
	file, err := Parse(name, data, r.Limits())
	if err != nil {
		return nil, err
	}
	canonical, err := syaml.Marshal(file.Content)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	r.Put(name, canonical)
	r.Share(name)
	return file, nil
}

// Parse reads a kustomization file. Fields that are unknown or not allowed are
// refused, with their lines.
func Parse(name string, data []byte, limits tree.Limits) (*File, error) {
	documents, err := tree.Documents(name, data, limits)
	if err != nil {
		return nil, err
	}
	root, err := single(name, documents)
	if err != nil {
		return nil, err
	}
	file := &File{Path: name, root: root}
	if err := file.checkKeys(); err != nil {
		return nil, err
	}
	if err := file.decode(); err != nil {
		return nil, err
	}
	return file, file.checkKind()
}

// single returns the one mapping of the file.
func single(name string, documents []*yaml.Node) (*yaml.Node, error) {
	at := tree.Place{File: name}
	if len(documents) != 1 || len(documents[0].Content) != 1 {
		return nil, at.Refuse("it holds %d YAML documents; a kustomization file holds one", len(documents))
	}
	root := documents[0].Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, at.Refuse("it is no mapping; a kustomization file has fields such as resources")
	}
	return root, nil
}

// checkKeys refuses fields by name before anything decodes them.
func (f *File) checkKeys() error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(f.root.Content); i += 2 {
		key := f.root.Content[i]
		at := tree.Place{File: f.Path, Line: key.Line, Field: key.Value}
		if reason, refused := refusedFields()[key.Value]; refused {
			return at.Refuse("%s", reason)
		}
		if !slices.Contains(allowedFields(), key.Value) || key.Kind != yaml.ScalarNode {
			return at.Refuse("this field is unknown; allowed are %s", strings.Join(allowedFields(), ", "))
		}
		if seen[key.Value] {
			return at.Refuse("this field is given twice; keep one")
		}
		seen[key.Value] = true
	}
	return nil
}

// decode fills Content the way Kustomize does: through JSON, strictly.
func (f *File) decode() (err error) {
	at := tree.Place{File: f.Path}
	var plain any
	if err := f.root.Decode(&plain); err != nil {
		return at.Refuse("it can't be read: %v; correct it", err)
	}
	asJSON, err := json.Marshal(plain)
	if err != nil {
		return at.Refuse("it holds a value that JSON doesn't have: %v; use text keys", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(asJSON))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f.Content); err != nil {
		return at.Refuse("it is no kustomization: %s; correct it", strings.TrimPrefix(err.Error(), "json: "))
	}
	f.Content.FixKustomization()
	return nil
}

func (f *File) checkKind() error {
	if wrong := f.Content.EnforceFields(); len(wrong) > 0 {
		return f.At("kind").Refuse("%s; correct it or leave it out", strings.Join(wrong, ", "))
	}
	return nil
}

// IsComponent reports whether the file describes a component.
func (f *File) IsComponent() bool { return f.Content.Kind == types.ComponentKind }

// At returns the place of a field of the file; the path consists of field
// names and list indexes: At("patches", 2, "path").
func (f *File) At(steps ...any) tree.Place {
	place := tree.Place{File: f.Path, Line: f.root.Line}
	node := f.root
	var field strings.Builder
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			if field.Len() > 0 {
				field.WriteByte('.')
			}
			field.WriteString(step)
			node = member(node, step)
		case int:
			fmt.Fprintf(&field, "[%d]", step)
			node = element(node, step)
		}
		if node != nil {
			place.Line = node.Line
		}
	}
	place.Field = field.String()
	return place
}

func member(node *yaml.Node, key string) *yaml.Node {
	node = target(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

func element(node *yaml.Node, index int) *yaml.Node {
	node = target(node)
	if node == nil || node.Kind != yaml.SequenceNode || index >= len(node.Content) {
		return nil
	}
	return node.Content[index]
}

func target(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}
