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
	"github.com/slipway-dev/slipway/internal/render/compose"
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
	claimed  map[string]string // owner by service
}

// newLayout puts the repository's files where the layers will look for them.
func newLayout(req Request, files Files) *layout {
	l := &layout{request: req, files: files, limits: DefaultLimits(), claimed: map[string]string{}, tree: make(map[string][]byte, len(files.Tree)+8*len(req.Services))}
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
	case project.SourceCompose:
		return true, l.compose(ctx, dir, name, *s.Compose)
	case project.SourceHelm:
		return true, l.chart(ctx, dir, name, *s.Helm)
	}
	return false, fault.New(fault.Invalid, "service %s: it has no source; give it one of build, image, template, compose, helm, kustomize", name)
}

// workload makes a base of the objects that one service consists of.
func (l *layout) workload(dir, name string, s project.Service, image string) error {
	return l.workloads(dir, name, []workload.Input{{Name: name, Service: s, Image: image}})
}

// workloads makes a base of the objects that several services consist of,
// which a service of the project file stands for.
func (l *layout) workloads(dir, owner string, inputs []workload.Input) error {
	var list types.Kustomization
	for _, in := range inputs {
		if err := l.claim(in.Name, owner); err != nil {
			return err
		}
		in.Hosts, in.Ingress, in.PullSecret = l.hosts(in.Name), l.request.Ingress, l.request.ImagePullSecret
		objects, warnings, err := workload.Objects(in)
		if err != nil {
			return err
		}
		l.warnings = append(l.warnings, warnings...)
		for _, object := range objects {
			text, err := workload.Encode(object.Body)
			if err != nil {
				return fmt.Errorf("service %s: %w", in.Name, err)
			}
			file := object.File
			if len(inputs) > 1 {
				file = in.Name + "-" + file
			}
			l.tree[join(dir, file)] = text
			list.Resources = append(list.Resources, file)
		}
	}
	return l.write(dir, list)
}

// claim refuses that two services of the project file bring one of the same
// name.
func (l *layout) claim(name, owner string) error {
	if other, taken := l.claimed[name]; taken {
		return fault.New(fault.Invalid, "service %s: it brings a service called %s, as service %s does too; rename one of them", owner, name, other)
	}
	if _, declared := l.request.Services[name]; declared && name != owner {
		return fault.New(fault.Invalid, "service %s: it brings a service called %s, which slipway.yaml declares too; rename one of them", owner, name)
	}
	l.claimed[name] = owner
	return nil
}

// hosts returns what the service's routes are reached at.
func (l *layout) hosts(name string) []string {
	if given, ok := l.request.Hosts[name]; ok {
		return given
	}
	if l.request.Ingress.Domain == "" {
		return nil
	}
	return []string{naming.Host(name, l.request.Stage, l.request.Project, l.request.Ingress.Domain)}
}

// compose makes a base of services of a Compose file.
func (l *layout) compose(ctx context.Context, dir, name string, source project.Compose) error {
	services, warnings, err := compose.Expand(ctx, l.files.Sources, name, source, l.limits)
	if err != nil {
		return err
	}
	l.warnings = append(l.warnings, warnings...)
	var inputs []workload.Input
	for _, s := range services {
		s.Service.Deadline = l.request.Services[name].Deadline
		inputs = append(inputs, workload.Input{
			Name: s.Name, Service: s.Service, Image: s.Service.Image,
			Files: s.Files, Scratch: s.Scratch, WorkingDir: s.WorkingDir, Grace: s.Grace,
		})
	}
	return l.workloads(dir, name, inputs)
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
