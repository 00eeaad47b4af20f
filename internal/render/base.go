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
	"github.com/slipway-dev/slipway/internal/render/helm"
	"github.com/slipway-dev/slipway/internal/render/workload"
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
}

// newLayout puts the repository's files where the layers will look for them.
func newLayout(req Request, files Files) *layout {
	l := &layout{request: req, files: files, limits: DefaultLimits(), tree: make(map[string][]byte, len(files.Tree)+8*len(req.Services))}
	for name, data := range files.Tree {
		l.tree[join(repoDir, name)] = data
	}
	return l
}

// bases makes one base per service and returns their directories. There is no
// directory that gathers them: every level costs Kustomize a pass over all
// objects that is quadratic in their number.
func (l *layout) bases(ctx context.Context) ([]string, error) {
	var dirs []string
	for _, name := range l.request.serviceNames() {
		made, err := l.base(ctx, name, l.request.Services[name])
		if err != nil {
			return nil, err
		}
		if made {
			dirs = append(dirs, join(basesDir, name))
		}
	}
	return dirs, nil
}

// base makes the base of one service; false means that an overlay has brought
// it already.
func (l *layout) base(ctx context.Context, name string, s project.Service) (bool, error) {
	dir := join(basesDir, name)
	switch s.Source() {
	case project.SourceBuild:
		image, built := l.request.Images[name]
		if !built {
			return false, fault.New(fault.Invalid, "service %s: its image is not built yet; build it, or give its image, before rendering", name)
		}
		return true, l.workload(dir, name, s, image)
	case project.SourceImage:
		image := s.Image
		if resolved, given := l.request.Images[name]; given {
			image = resolved
		}
		return true, l.workload(dir, name, s, image)
	case project.SourceKustomize:
		if l.files.includes(join(".", s.Kustomize)) {
			return false, nil
		}
		return true, l.write(dir, types.Kustomization{
			Resources: []string{join("../..", join(repoDir, s.Kustomize))},
			Labels:    serviceLabel(name),
		})
	case project.SourceHelm:
		return true, l.chart(ctx, dir, name, *s.Helm)
	}
	return false, fault.New(fault.Invalid, "service %s: it has no source; give it one of build, image, template, compose, helm, kustomize", name)
}

// workload makes a base of the objects that a service consists of.
func (l *layout) workload(dir, name string, s project.Service, image string) error {
	objects, warnings, err := workload.Objects(workload.Input{
		Name:       name,
		Service:    s,
		Image:      image,
		Hosts:      l.request.Hosts[name],
		Ingress:    l.request.Ingress,
		PullSecret: l.request.ImagePullSecret,
	})
	if err != nil {
		return err
	}
	l.warnings = append(l.warnings, warnings...)
	var list types.Kustomization
	for _, object := range objects {
		text, err := workload.Encode(object.Body)
		if err != nil {
			return fmt.Errorf("service %s: %w", name, err)
		}
		l.tree[join(dir, object.File)] = text
		list.Resources = append(list.Resources, object.File)
	}
	return l.write(dir, list)
}

// chart makes a base of the objects that a Helm chart renders.
func (l *layout) chart(ctx context.Context, dir, name string, source project.Helm) error {
	output, err := helm.Render(ctx, l.files.Sources, helm.Input{
		Service: name, Namespace: l.request.namespace(), Source: source, Limits: l.limits,
	})
	if err != nil {
		return err
	}
	l.warnings = append(l.warnings, output.Warnings...)
	list := types.Kustomization{Labels: serviceLabel(name)}
	for _, file := range slices.Sorted(maps.Keys(output.Files)) {
		l.tree[join(dir, file)] = output.Files[file]
		list.Resources = append(list.Resources, file)
	}
	return l.write(dir, list)
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
	return []types.Label{{Pairs: map[string]string{naming.LabelService: name}, IncludeTemplates: true}}
}
