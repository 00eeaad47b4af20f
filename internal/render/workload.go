package render

import (
	"fmt"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// workloads adds to a base the objects of the workloads that a service of the
// project file consists of.
func (l *layout) workloads(dir, owner string, inputs []workload.Input, list *types.Kustomization) error {
	for _, in := range inputs {
		for _, name := range append([]string{in.Name}, in.Names...) {
			if err := l.reserveName(name, owner); err != nil {
				return err
			}
		}
		if config, known := l.request.ImageConfigs[in.Image]; known {
			in.Config = &config
		}
		in.Hosts, in.Ingress = l.hosts(in.Name), l.request.Ingress
		in.PullSecret, in.PodSecurity, in.SharedClass = l.request.ImagePullSecret, l.request.PodSecurity, l.request.SharedClass
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
	return nil
}

// reserveName refuses that two services of the project file bring a workload
// of the same name.
func (l *layout) reserveName(name, owner string) error {
	if other, taken := l.brought[name]; taken {
		return nameTaken(owner, name, other)
	}
	if _, declared := l.request.Services[name]; declared && name != owner {
		return nameTaken(owner, name, "")
	}
	l.brought[name] = owner
	return nil
}

// nameTaken is the error of two services of one name; other brings the second
// one, or slipway.yaml when it is empty.
func nameTaken(owner, name, other string) error {
	if other == "" {
		return fault.New(fault.Invalid, "service %s: it brings a service called %s, which slipway.yaml declares too; rename one of them", owner, name)
	}
	return fault.New(fault.Invalid, "service %s: it brings a service called %s, as service %s does too; rename one of them", owner, name, other)
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
