package project

import (
	"cmp"
	"maps"
)

// PreviewService is what differs of a service in previews.
type PreviewService struct {
	// Replicas is how many there are, without an autoscaler; nil means as at the stage.
	Replicas  *int32            `json:"replicas,omitempty"`
	Resources Resources         `json:"resources,omitzero"`
	Env       map[string]string `json:"env,omitempty"`
	// Omit leaves the service out.
	Omit bool `json:"omit,omitempty"`
}

// Adapt returns the services of a stage as previews have them. Neither is changed; nil
// previews change nothing.
func (p *Previews) Adapt(services map[string]Service) map[string]Service {
	if p == nil {
		return services
	}
	adapted := make(map[string]Service, len(services))
	for name, service := range services {
		own := p.Services[name]
		if own.Omit {
			continue
		}
		if own.Replicas != nil {
			service.Scale = &Scale{Min: *own.Replicas}
		}
		service.Resources.CPU = cmp.Or(own.Resources.CPU, service.Resources.CPU)
		service.Resources.Memory = cmp.Or(own.Resources.Memory, service.Resources.Memory)
		service.Env = over(own.Env, service.Env)
		if service.Template != "" {
			service.With = over(p.Templates[service.Template], service.With)
		}
		adapted[name] = service
	}
	return adapted
}

// over lays a map over another one.
func over[M ~map[string]V, V any](upper, lower M) M {
	if len(upper) == 0 {
		return lower
	}
	all := maps.Clone(lower)
	if all == nil {
		all = M{}
	}
	maps.Copy(all, upper)
	return all
}
