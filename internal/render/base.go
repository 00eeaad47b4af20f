package render

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	sourcehelm "github.com/slipway-dev/slipway/internal/render/source/helm"
)

// Where things are in the tree that Kustomize sees. The last layer is at its
// root.
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
	claimed  map[string]string // owner by service
	// made says what the files of bases were made from.
	made map[string]string
}

// newLayout puts the repository's files where the layers will look for them.
func newLayout(req Request, files Files) *layout {
	l := &layout{request: req, files: files, limits: DefaultLimits(), claimed: map[string]string{}, made: map[string]string{}, tree: make(map[string][]byte, len(files.Tree)+8*len(req.Services))}
	for name, data := range files.Tree {
		l.tree[join(repoDir, name)] = data
	}
	return l
}

// bases makes one base per service and returns their directories. There is no
// directory that gathers them, nor one around a directory of the repository:
// every level costs Kustomize passes over all objects that are quadratic in
// their number.
func (l *layout) bases(ctx context.Context) ([]string, error) {
	var dirs []string
	for _, name := range l.request.serviceNames() {
		dir, err := l.base(ctx, name, l.request.Services[name])
		if err != nil {
			return nil, err
		}
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// base makes the base of one service and returns its directory, empty when an
// overlay has brought it already.
func (l *layout) base(ctx context.Context, name string, s project.Service) (string, error) {
	dir := join(basesDir, name)
	switch s.Source() {
	case project.SourceBuild:
		image, built := l.request.Images[name]
		if !built {
			return "", fault.New(fault.Invalid, "service %s: its image is not built yet; build it, or give its image, before rendering", name)
		}
		return dir, l.workload(dir, name, s, image)
	case project.SourceImage:
		image := s.Image
		if resolved, given := l.request.Images[name]; given {
			image = resolved
		}
		return dir, l.workload(dir, name, s, image)
	case project.SourceKustomize:
		return l.directory(name, join(".", s.Kustomize))
	case project.SourceCompose:
		return dir, l.compose(ctx, dir, name, *s.Compose)
	case project.SourceHelm:
		return dir, l.chart(ctx, dir, name, *s.Helm)
	}
	return "", fault.New(fault.Invalid, "service %s: it has no source; give it one of build, image, template, compose, helm, kustomize", name)
}

// directory makes a Kustomize directory of the repository a base: it says
// which service its objects belong to.
func (l *layout) directory(name, dir string) (string, error) {
	if l.files.includes(dir) {
		return "", nil
	}
	file, found := l.files.kustomizationName(dir)
	if !found {
		return "", fmt.Errorf("render %s: its kustomization file was not collected", dir)
	}
	err := l.edit(join(repoDir, file), func(k *types.Kustomization) {
		k.Labels = append(k.Labels, serviceLabel(name)...)
	})
	return join(repoDir, dir), err
}

// chart makes a base of the objects that a Helm chart renders.
func (l *layout) chart(ctx context.Context, dir, name string, source project.Helm) error {
	output, err := sourcehelm.Render(ctx, l.files.Sources, sourcehelm.Input{
		Service: name, Namespace: l.request.namespace(), Source: source, Limits: l.limits,
	})
	if err != nil {
		return err
	}
	l.warnings = append(l.warnings, output.Warnings...)
	list := types.Kustomization{Labels: serviceLabel(name)}
	for _, file := range slices.Sorted(maps.Keys(output.Files)) {
		l.tree[join(dir, file)] = output.Files[file]
		l.made[join(dir, file)] = output.Templates[file]
		list.Resources = append(list.Resources, file)
	}
	return l.write(dir, list)
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
