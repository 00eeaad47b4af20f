package release

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
)

// Services returns the services of a stage, or of the previews that are made from it,
// as they are built, rendered and reached: overrides applied and templates expanded.
// The Secrets are what the templates need in the stage's namespace; own are the
// organization's.
func Services(document *projectfile.Document, rule string, preview bool, own render.OwnTemplates) (map[string]project.Service, []render.Secret, error) {
	effective := document.Effective(rule)
	if preview {
		effective = document.File.Previews.Adapt(effective)
	}
	services, secrets, err := render.ExpandTemplates(effective, own)
	if err != nil {
		return nil, nil, err
	}
	return services, secrets, checkSealed(document, rule, preview, secrets)
}

// checkSealed refuses sealed values for a Secret that a template fills.
func checkSealed(document *projectfile.Document, rule string, preview bool, secrets []render.Secret) error {
	stage, _ := document.File.Rule(rule, preview)
	for _, secret := range secrets {
		if _, sealed := stage.Sealed[secret.Name]; sealed {
			return fault.New(fault.Invalid, "%s: sealed.%s: the template of service %s makes this Secret; give the sealed one another name", project.FileName, secret.Name, secret.Service)
		}
	}
	return nil
}

// RenderRequest returns what a stage's rendering depends on, besides the
// commit's tree and the built images. The server and the offline commands use
// it alike, so that both render the same bytes.
func RenderRequest(document *projectfile.Document, services map[string]project.Service, rule project.Stage, at Place) render.Request {
	request := render.Request{
		Organization:    at.Organization,
		Project:         at.Project,
		Stage:           at.Stage,
		Namespace:       at.Namespace,
		Services:        withPreviewEnv(services, rule, at),
		FromTemplates:   render.MadeFromTemplates(document.File.Services, services),
		Overlays:        overlays(document, rule.Name),
		Hosts:           Hosts(rule, services, at),
		Ingress:         at.Ingress,
		ImagePullSecret: at.ImagePullSecret,
		PodSecurity:     at.Policy.PodSecurity,
		ServiceTokens:   at.Policy.Allows(v1alpha1.PermissionServiceTokens),
		SharedClass:     at.SharedClass,
		Sealed:          render.SealHashes(rule.Sealed),
	}
	if HasCharts(services) {
		request.Capabilities = at.Capabilities
	}
	return request
}

// withPreviewEnv tells the services of a preview what they are part of, and where its
// services are reached. What the project file says wins.
func withPreviewEnv(services map[string]project.Service, rule project.Stage, at Place) map[string]project.Service {
	if at.PullRequest == 0 {
		return services
	}
	told := map[string]string{"SLIPWAY_PREVIEW": at.Stage, "SLIPWAY_PULL_REQUEST": strconv.FormatInt(at.PullRequest, 10)}
	for name, hosts := range Hosts(rule, services, at) {
		told["SLIPWAY_URL_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = URL(at.Ingress, hosts[0], "")
	}
	all := make(map[string]project.Service, len(services))
	for name, service := range services {
		if source := service.Source(); source == project.SourceBuild || source == project.SourceImage {
			env := maps.Clone(told)
			maps.Copy(env, service.Env)
			service.Env = env
		}
		all[name] = service
	}
	return all
}

// HasCharts reports whether a service is a chart.
func HasCharts(services map[string]project.Service) bool {
	for _, service := range services {
		if service.Helm != nil {
			return true
		}
	}
	return false
}

// overlays returns the overlays of a stage rule, the project's first, each
// with its place in the file.
func overlays(document *projectfile.Document, rule string) []render.OverlayReference {
	var all []render.OverlayReference
	add := func(field, directory string) {
		if directory != "" {
			line, _ := document.Position(field)
			all = append(all, render.OverlayReference{Directory: directory, Field: field, Line: line})
		}
	}
	add("overlay", document.File.Overlay)
	for i, stage := range document.File.Stages {
		if stage.Name == rule {
			add(fmt.Sprintf("stages[%d].overlay", i), stage.Overlay)
		}
	}
	return all
}
