package render

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render/omit"
	"github.com/slipway-dev/slipway/internal/render/source"
)

// Where things are in the tree that Kustomize sees. The stage's layer is
// at its root.
const (
	basesDir  = "bases"
	layersDir = "layers"
	repoDir   = "repo"
	fileName  = "kustomization.yaml"
)

// layout is the tree that Kustomize renders, under construction.
type layout struct {
	request  Request
	files    Files
	limits   Limits
	tree     map[string][]byte
	warnings []string
	brought  map[string]string // service of the project file, by the name of the workload
	// made says what the files of bases were made from.
	made map[string]string
	// generated are the texts of bases that are derived from the seed.
	generated generated
}

// newLayout puts the repository's files where the layers will look for them.
func newLayout(req Request, files Files) *layout {
	l := &layout{request: req, files: files, limits: DefaultLimits(), brought: map[string]string{}, made: map[string]string{}, generated: generated{}, tree: make(map[string][]byte, len(files.Tree)+8*len(req.Services))}
	for name, data := range files.Tree {
		l.tree[join(repoDir, name)] = data
	}
	return l
}

// isEmpty reports whether there is nothing to render.
func (l *layout) isEmpty() bool { return len(l.request.Services) == 0 && len(l.files.Overlays) == 0 }

// bases makes one base per service and returns their directories. There is no
// directory that gathers them, nor one around a directory of the repository:
// every level costs Kustomize passes over all objects that are quadratic in
// their number.
func (l *layout) bases(ctx context.Context, sources source.Map) ([]string, error) {
	var dirs []string
	for _, service := range l.request.services(l.limits) {
		member, err := sources.Of(service)
		if err != nil {
			return nil, err
		}
		base, err := member.Base(ctx, service, l.files.Sources)
		if err != nil {
			return nil, err
		}
		l.warnings = append(l.warnings, base.Warnings...)
		for _, text := range base.Generated {
			l.generated[text] = true
		}
		dir, err := l.base(service.Name, base)
		if err != nil {
			return nil, err
		}
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// base puts the base of a service into the tree and returns its directory,
// empty when an overlay has brought it already. Workloads have the label of
// their own service; everything else gets the label of the one that brings it.
func (l *layout) base(service string, base source.Base) (string, error) {
	if base.Directory != "" {
		return l.directory(service, base.Directory)
	}
	dir := join(basesDir, service)
	l.made[dir] = base.From
	var list types.Kustomization
	if err := l.workloads(dir, service, base.Workloads, &list); err != nil {
		return "", err
	}
	if len(base.Workloads) == 0 {
		list.Labels = serviceLabel(service)
	}
	l.manifests(dir, base.Files, &list)
	list.Patches = omit.Namespaces(filesOf(base, list))
	return dir, l.write(dir, list)
}

// directory makes a Kustomize directory of the repository a base: it says
// which service its objects belong to.
func (l *layout) directory(service, dir string) (string, error) {
	if l.files.includes(dir) {
		return "", nil
	}
	file, found := l.files.kustomizationName(dir)
	if !found {
		return "", fmt.Errorf("render %s: its kustomization file was not collected", dir)
	}
	err := l.edit(join(repoDir, file), func(k *types.Kustomization) {
		k.Labels = append(k.Labels, serviceLabel(service)...)
		k.Patches = append(k.Patches, omit.Namespaces(l.files.Tree)...)
	})
	return join(repoDir, dir), err
}

// filesOf returns the files of a base, by name, and the list of them.
func filesOf(base source.Base, list types.Kustomization) map[string][]byte {
	files := make(map[string][]byte, len(base.Files)+1)
	for _, file := range base.Files {
		files[file.Name] = file.Data
	}
	files[fileName], _ = yaml.Marshal(list) // which write reports
	return files
}

// manifests adds files to a base, sorted by name.
func (l *layout) manifests(dir string, files []source.Manifest, list *types.Kustomization) {
	files = slices.SortedFunc(slices.Values(files), func(a, b source.Manifest) int { return strings.Compare(a.Name, b.Name) })
	for _, file := range files {
		l.tree[join(dir, file.Name)] = file.Data
		if file.From != "" {
			l.made[join(dir, file.Name)] = file.From
		}
		list.Resources = append(list.Resources, file.Name)
	}
}

// edit changes a kustomization file of the tree.
func (l *layout) edit(name string, change func(*types.Kustomization)) error {
	var content types.Kustomization
	if err := yaml.Unmarshal(l.tree[name], &content); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	change(&content)
	text, err := yaml.Marshal(content)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	l.tree[name] = text
	return nil
}

// write puts a kustomization file into dir.
func (l *layout) write(dir string, content types.Kustomization) error {
	content.APIVersion = types.KustomizationVersion
	content.Kind = types.KustomizationKind
	text, err := yaml.Marshal(content)
	if err != nil {
		return fmt.Errorf("write the kustomization of %s: %w", dir, err)
	}
	l.tree[join(dir, fileName)] = text
	return nil
}

// serviceLabel says which service brought an object.
func serviceLabel(name string) []types.Label {
	return labels(map[string]string{naming.LabelService: name})
}
