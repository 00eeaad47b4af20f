package compose

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/compose/file"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Source implements source.Source and source.Builder for the key compose.
type Source struct{ source.Concrete }

// References returns the Compose files.
func (Source) References(s source.Service) []source.Reference {
	if name := s.Spec.Compose.File; name != "" {
		return []source.Reference{{Field: "compose.file", Path: name, Kind: source.File, Noun: "a Compose file"}}
	}
	var references []source.Reference
	for i, name := range s.Spec.Compose.Files {
		references = append(references, source.Reference{Field: fmt.Sprintf("compose.files[%d]", i), Path: name, Kind: source.File, Noun: "a Compose file"})
	}
	return references
}

// Collect reads the Compose files and the files that the selected services
// refer to, and says everything that is wrong with them.
func (Source) Collect(ctx context.Context, r *tree.Reader, s source.Service) error {
	_, err := expand(ctx, s, file.NewReading(ctx, r))
	return err
}

// Builds returns what the selected services are built from, by the names of
// their workloads.
func (Source) Builds(ctx context.Context, s source.Service, files map[string][]byte) (map[string]project.Build, []string, error) {
	e, err := expand(ctx, s, file.Recorded(files))
	if err != nil {
		return nil, nil, err
	}
	builds := map[string]project.Build{}
	for name, build := range e.builds {
		builds[e.names[name]] = build.Build
	}
	return builds, e.Warnings(), nil
}

// Base returns the workloads of the selected services. The one of the project
// file brings them their deadline.
func (Source) Base(ctx context.Context, s source.Service, files map[string][]byte) (source.Base, error) {
	e, err := expand(ctx, s, file.Recorded(files))
	if err != nil {
		return source.Base{}, err
	}
	base := source.Base{From: strings.Join(s.Spec.Compose.Paths(), ", ") + " (by services." + s.Name + ")", Warnings: e.Warnings()}
	for _, name := range e.taken {
		in := e.inputs[name]
		if _, built := e.builds[name]; built {
			if in.Image = s.Images[in.Name]; in.Image == "" {
				return source.Base{}, fault.New(fault.Invalid, "service %s: its image is not built yet; build it, or give its image, before rendering", in.Name)
			}
		}
		in.Service.Deadline = s.Spec.Deadline
		base.Workloads = append(base.Workloads, *in)
	}
	return base, nil
}

// isTaken reports whether a member of the files' top counts: a selected
// service, or what one refers to.
func (e *expansion) isTaken(section, name string) bool {
	if section == "services" {
		return slices.Contains(e.taken, name)
	}
	return slices.ContainsFunc(e.taken, func(service string) bool {
		from := e.Project.Services[service]
		switch section {
		case "volumes":
			return slices.ContainsFunc(from.Volumes, func(v volumeConfig) bool { return v.Source == name })
		case "networks":
			return slices.Contains(slices.Collect(maps.Keys(from.Networks)), name)
		case "configs":
			return slices.ContainsFunc(from.Configs, func(c configReference) bool { return c.Source == name })
		case "secrets":
			return slices.ContainsFunc(from.Secrets, func(s secretReference) bool { return s.Source == name })
		}
		return true
	})
}
