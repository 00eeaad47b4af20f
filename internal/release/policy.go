package release

import (
	"cmp"
	"slices"

	"github.com/slipway-dev/slipway/internal/guard"
)

// Policy returns the policy for the manifests of a stage. The server and the
// offline commands use the same. Built are the repositories of the images that
// Slipway builds, which are always allowed.
func Policy(at Place, built ...string) guard.Policy {
	policy, ingress := at.Policy, at.Ingress
	registries := policy.Images
	if len(registries) > 0 {
		registries = append(slices.Clone(built), registries...)
	}
	gateway := ""
	if ingress.Gateway != nil {
		gateway = cmp.Or(ingress.Gateway.Namespace, at.Namespace) + "/" + ingress.Gateway.Name
	}
	return guard.Policy{
		Namespace:       at.Namespace,
		Kinds:           policy.Kinds,
		Registries:      registries,
		PodSecurity:     policy.PodSecurity,
		Hosts:           at.Hosts,
		Domain:          ingress.Domain,
		Project:         at.Project,
		Stage:           at.Stage,
		Reserved:        ingress.Reserved,
		Gateway:         gateway,
		IngressClass:    ingress.Class,
		Metadata:        policy.Metadata,
		PriorityClasses: policy.PriorityClasses,
		RuntimeClasses:  policy.RuntimeClasses,
		Allow:           policy.Allow,
	}
}

// PolicyOf returns the policy for the manifests of a release.
func PolicyOf(o Inputs) guard.Policy {
	return Policy(o.Place(), o.Builds.Request.Repository)
}
