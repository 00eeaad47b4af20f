package compose

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Service is a service of a Compose file in the words of the project file,
// with what those words lack.
type Service struct {
	Name    string
	Service project.Service
	// Files are mounted read-only, by absolute path.
	Files map[string]string
	// Scratch are paths of empty directories.
	Scratch    []string
	WorkingDir string
	// Grace is the time to end in seconds; 0 means the usual one.
	Grace int64
}

// Expand returns the selected services from collected files. The service is
// the one of the project file that the Compose file belongs to.
func Expand(ctx context.Context, files map[string][]byte, service string, source project.Compose, limits tree.Limits) ([]Service, []string, error) {
	name := path.Clean(source.File)
	at := tree.Place{File: project.FileName, Field: "services." + service}
	data, found := files[name]
	if !found {
		return nil, nil, fmt.Errorf("expand %s: it was not collected", name)
	}
	f, err := parse(ctx, name, data, limits)
	if err != nil {
		return nil, nil, err
	}
	names, err := f.selected(source.Services, at)
	if err != nil {
		return nil, nil, err
	}
	e := &expansion{file: f, files: files, owners: map[string]string{}}
	for _, variable := range f.unset {
		e.warn("%s: the variable %s has no default and no value, so it is empty; write ${%s:-value}", name, variable, variable)
	}
	var services []Service
	for _, one := range names {
		expanded, err := e.service(one)
		if err != nil {
			return nil, nil, err
		}
		services = append(services, expanded)
	}
	return services, e.warnings, nil
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

func (e *expansion) service(name string) (Service, error) {
	if err := e.checkKeys(name); err != nil {
		return Service{}, err
	}
	from := e.file.project.Services[name]
	s := Service{Name: name, WorkingDir: from.WorkingDir, Files: map[string]string{}}
	s.Service = project.Service{
		Image:   from.Image,
		Command: from.Entrypoint,
		Args:    from.Command,
	}
	if from.Image == "" {
		return Service{}, e.file.key(name, "image").Refuse("the service has no image; name one")
	}
	steps := []func(string, types.ServiceConfig, *Service) error{
		e.environment, e.ports, e.volumes, e.configs, e.health, e.scale, e.resources, e.security, e.routes,
	}
	for _, step := range steps {
		if err := step(name, from, &s); err != nil {
			return Service{}, err
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
