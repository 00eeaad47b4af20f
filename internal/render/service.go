package render

import (
	"context"
	"fmt"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	sourcecompose "github.com/slipway-dev/slipway/internal/render/source/compose"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// workload makes a base of the objects that one service consists of.
func (l *layout) workload(dir, name string, s project.Service, image string) error {
	l.made[dir] = project.FileName + " (services." + name + ")"
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
	services, warnings, err := sourcecompose.Expand(ctx, l.files.Sources, name, source, l.limits)
	if err != nil {
		return err
	}
	l.warnings = append(l.warnings, warnings...)
	l.made[dir] = join(".", source.File) + " (by services." + name + ")"
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
