package template

import (
	"context"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render/source"
	"github.com/slipway-dev/slipway/internal/render/tree"
)

// Source implements source.Source for the key template. Its services are gone
// once they are expanded.
type Source struct{}

// Expand replaces the services that use a template by what it stands for. The
// Secrets that the templates need come with them.
func (Source) Expand(services map[string]project.Service, own source.Templates) (map[string]project.Service, []source.Secret, error) {
	catalog, err := NewCatalog(own)
	if err != nil {
		return nil, nil, err
	}
	return catalog.Expand(services)
}

// References returns nothing: what a template builds from is known once it is
// expanded.
func (Source) References(source.Service) []source.Reference { return nil }

// Collect refuses a service that nobody has expanded.
func (Source) Collect(_ context.Context, _ *tree.Reader, s source.Service) error {
	return notExpanded(s)
}

// Base refuses a service that nobody has expanded.
func (Source) Base(_ context.Context, s source.Service, _ map[string][]byte) (source.Base, error) {
	return source.Base{}, notExpanded(s)
}

func notExpanded(s source.Service) error {
	return fault.New(fault.Internal, "service %s: the template %s was not expanded", s.Name, s.Spec.Template)
}
