package render

import (
	"context"
	"io/fs"
	"maps"
	"slices"

	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/source/compose"
	"github.com/slipway-dev/slipway/internal/render/source/helm"
	"github.com/slipway-dev/slipway/internal/render/source/image"
	"github.com/slipway-dev/slipway/internal/render/source/kustomize"
	"github.com/slipway-dev/slipway/internal/render/source/template"
)

// allSources returns the sources that services may have. A new source is a
// package below source and a line here.
func allSources() source.Map {
	return source.Map{
		project.SourceBuild:     image.Source{},
		project.SourceImage:     image.Source{},
		project.SourceTemplate:  template.Source{},
		project.SourceCompose:   compose.Source{},
		project.SourceHelm:      helm.Source{},
		project.SourceKustomize: kustomize.Source{},
	}
}

// OwnTemplates are the service templates and locks of an organization.
type OwnTemplates = source.Templates

// Capabilities are what charts see of a cluster.
type Capabilities = source.Capabilities

// Secret is what a Secret of the stage must hold before its service starts.
type Secret = source.Secret

// Reference is a path of the repository that a service names.
type Reference = source.Reference

// ExpandTemplates replaces services that use a template by what it stands
// for, so that a plan sees what is to be built. The Secrets that the templates
// need come with them. Expanding twice changes nothing.
func ExpandTemplates(services map[string]project.Service, own OwnTemplates) (map[string]project.Service, []Secret, error) {
	return allSources().Expand(services, own)
}

// References returns the paths of the repository that a service names; none
// when it has no source.
func References(name string, spec project.Service) []Reference {
	service := source.Service{Name: name, Spec: spec}
	member, err := allSources().Of(service)
	if err != nil {
		return nil
	}
	return member.References(service)
}

// CheckTemplates reports what is wrong with an organization's templates and
// locks.
func CheckTemplates(own OwnTemplates) error {
	catalog, err := template.NewCatalog(own)
	if err != nil {
		return err
	}
	return catalog.CheckLocks()
}

// expand returns the request with its templates expanded.
func (r Request) expand(sources source.Map) (Request, []Secret, error) {
	services, secrets, err := sources.Expand(r.Services, r.Templates)
	made := MadeFromTemplates(r.Services, services)
	maps.Copy(made, r.FromTemplates)
	r.Services, r.FromTemplates = services, made
	return r, secrets, err
}

// services returns the services of the request, sorted by name.
func (r Request) services(limits Limits) []source.Service {
	var services []source.Service
	for _, name := range slices.Sorted(maps.Keys(r.Services)) {
		services = append(services, source.Service{
			Name: name, Spec: r.Services[name], Image: r.Images[name], Images: r.Images, Namespace: r.namespace(),
			Capabilities: r.Capabilities, Seed: r.Seed, Limits: limits, FromTemplate: r.FromTemplates[name],
		})
	}
	return services
}

// Builds returns everything that is built for a stage, by the name that
// Request.Images has for it: the services with build of the project file, and
// those of Compose files, which only a renderer reads.
func Builds(ctx context.Context, renderer Renderer, tree fs.FS, request Request) (map[string]project.Build, error) {
	builds := map[string]project.Build{}
	sources := allSources()
	asks := false
	for name, service := range request.Services {
		if service.Build != nil {
			builds[name] = *service.Build
		}
		_, is := sources[service.Source()].(source.Builder)
		asks = asks || is
	}
	if !asks {
		return builds, nil
	}
	request.Builds = true
	result, err := renderer.Render(ctx, tree, request)
	if err != nil {
		return nil, err
	}
	maps.Copy(builds, result.Builds)
	return builds, nil
}

// findBuilds asks the sources that know of builds.
func findBuilds(ctx context.Context, sources source.Map, req Request, files Files) (Result, error) {
	result := Result{Builds: map[string]project.Build{}}
	owner := map[string]string{}
	for _, service := range req.services(DefaultLimits()) {
		builder, is := sources[service.Spec.Source()].(source.Builder)
		if !is {
			continue
		}
		builds, warnings, err := builder.Builds(ctx, service, files.Sources)
		if err != nil {
			return Result{}, err
		}
		result.Warnings = append(result.Warnings, warnings...)
		for _, name := range slices.Sorted(maps.Keys(builds)) {
			if _, declared := req.Services[name]; declared && name != service.Name {
				return Result{}, nameTaken(service.Name, name, "")
			}
			if other, taken := owner[name]; taken {
				return Result{}, nameTaken(service.Name, name, other)
			}
			owner[name], result.Builds[name] = service.Name, builds[name]
		}
	}
	return result, nil
}
