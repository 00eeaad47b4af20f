package release

import (
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
)

// Services returns the services of a stage as they are built, rendered and
// reached: overrides applied and templates expanded. The Secrets are what the
// templates need in the stage's namespace; own are the organization's.
func Services(document *projectfile.Document, rule string, own render.OwnTemplates) (map[string]project.Service, []render.Secret, error) {
	services, secrets, err := render.ExpandTemplates(document.Effective(rule), own)
	if err != nil {
		return nil, nil, err
	}
	return services, secrets, checkSealed(document, rule, secrets)
}

// checkSealed refuses sealed values for a Secret that a template fills.
func checkSealed(document *projectfile.Document, rule string, secrets []render.Secret) error {
	stage, _ := document.File.Stage(rule)
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
func RenderRequest(services map[string]project.Service, rule project.Stage, at Place) render.Request {
	return render.Request{
		Organization: at.Organization,
		Project:      at.Project,
		Stage:        at.Stage,
		Namespace:    at.Namespace,
		Services:     services,
		Overlay:      rule.Overlay,
		Hosts:        Hosts(rule, services, at),
		Ingress:      at.Ingress,
		Sealed:       render.SealHashes(rule.Sealed),
	}
}
