package render

import (
	"github.com/slipway-dev/slipway/internal/project"
	sourcetemplate "github.com/slipway-dev/slipway/internal/render/source/template"
)

// OwnTemplates are the service templates and locks of an organization.
type OwnTemplates = sourcetemplate.Own

// Secret is what a Secret of the stage must hold before its service starts.
type Secret = sourcetemplate.Secret

// ExpandTemplates replaces services that use a template by what it stands
// for, so that a plan sees what is to be built. The Secrets that the templates
// need come with them. Expanding twice changes nothing.
func ExpandTemplates(services map[string]project.Service, own OwnTemplates) (map[string]project.Service, []Secret, error) {
	if !usesTemplates(services) {
		return services, nil, nil
	}
	catalog, err := sourcetemplate.NewCatalog(own)
	if err != nil {
		return nil, nil, err
	}
	return catalog.Expand(services)
}

func usesTemplates(services map[string]project.Service) bool {
	for _, s := range services {
		if s.Source() == project.SourceTemplate {
			return true
		}
	}
	return false
}

// expand returns the request with its templates expanded.
func (r Request) expand() (Request, []Secret, error) {
	services, secrets, err := ExpandTemplates(r.Services, r.Templates)
	r.Services = services
	return r, secrets, err
}

// CheckTemplates reports what is wrong with an organization's templates and
// locks.
func CheckTemplates(own OwnTemplates) error {
	catalog, err := sourcetemplate.NewCatalog(own)
	if err != nil {
		return err
	}
	return catalog.CheckLocks()
}
