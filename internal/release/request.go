package release

import (
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/projectfile"
	"github.com/slipway-dev/slipway/internal/render"
)

// RenderRequest returns what a stage's rendering depends on, besides the
// commit's tree and the built images. The server and the offline commands use
// it alike, so that both render the same bytes.
func RenderRequest(document *projectfile.Document, rule project.Stage, at Place) render.Request {
	services := document.Effective(rule.Name)
	return render.Request{
		Organization: at.Organization,
		Project:      at.Project,
		Stage:        at.Stage,
		Namespace:    at.Namespace,
		Services:     services,
		Overlay:      rule.Overlay,
		Hosts:        Hosts(rule, services, at),
		Ingress:      at.Ingress,
	}
}
