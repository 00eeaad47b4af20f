package compose

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/workload"
)

// Base returns the workloads of the selected services. The one of the project
// file brings them their deadline.
func (Source) Base(ctx context.Context, s source.Service, files map[string][]byte) (source.Base, error) {
	name := path.Clean(s.Spec.Compose.File)
	data, found := files[name]
	if !found {
		return source.Base{}, fmt.Errorf("expand %s: it was not collected", name)
	}
	f, err := parse(ctx, name, data, s.Limits)
	if err != nil {
		return source.Base{}, err
	}
	names, err := f.selected(s)
	if err != nil {
		return source.Base{}, err
	}
	e := &expansion{file: f, files: files, owners: map[string]string{}}
	for _, variable := range f.unset {
		e.warn("%s: the variable %s has no default and no value, so it is empty; write ${%s:-value}", name, variable, variable)
	}
	base := source.Base{From: name + " (by services." + s.Name + ")"}
	for _, one := range names {
		expanded, err := e.service(one)
		if err != nil {
			return source.Base{}, err
		}
		expanded.Service.Deadline = s.Spec.Deadline
		base.Workloads = append(base.Workloads, expanded)
	}
	base.Warnings = e.warnings
	return base, nil
}

// expansion maps the services of one file.
type expansion struct {
	file     *file
	files    map[string][]byte
	warnings []string
	owners   map[string]string // service by named volume
}

func (e *expansion) warn(format string, args ...any) {
	e.warnings = append(e.warnings, fmt.Sprintf(format, args...))
}

func (e *expansion) service(name string) (workload.Input, error) {
	if err := e.checkKeys(name); err != nil {
		return workload.Input{}, err
	}
	from := e.file.project.Services[name]
	s := workload.Input{Name: name, Image: from.Image, WorkingDir: from.WorkingDir, Files: map[string]string{}}
	s.Service = project.Service{
		Image:   from.Image,
		Command: from.Entrypoint,
		Args:    from.Command,
	}
	if from.Image == "" {
		return workload.Input{}, e.file.key(name, "image").Refuse("the service has no image; name one")
	}
	steps := []func(string, types.ServiceConfig, *workload.Input) error{
		e.environment, e.ports, e.volumes, e.configs, e.health, e.scale, e.resources, e.security, e.routes,
	}
	for _, step := range steps {
		if err := step(name, from, &s); err != nil {
			return workload.Input{}, err
		}
	}
	if from.StopGracePeriod != nil {
		s.Grace = int64(*from.StopGracePeriod) / 1e9
	}
	return s, nil
}

// checkKeys treats each key as the table says.
func (e *expansion) checkKeys(service string) error {
	table := map[string]key{}
	for _, k := range keys() {
		table[k.name] = k
	}
	for _, name := range e.file.written[service] {
		k, known := table[name]
		at := e.file.key(service, name)
		switch {
		case !known && strings.HasPrefix(name, "x-"):
		case !known:
			return at.Refuse("this key has no meaning here; remove it")
		case k.treatment == refused:
			return at.Refuse("%s", k.text)
		case k.treatment == warned:
			e.warn("%s: %s", at, k.text)
		}
	}
	return nil
}
