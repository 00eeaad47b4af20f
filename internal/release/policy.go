package release

import (
	"cmp"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/guard"
)

// Policy returns the policy for the manifests of a stage on a cluster. The server
// and the offline commands use the same. Built are the repositories of the images
// that Slipway builds, which are always allowed.
func Policy(cluster v1alpha1.ClusterSpec, at Place, built ...string) guard.Policy {
	policy, ingress := cluster.Policy, cluster.Ingress
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
		PodSecurity:     at.PodSecurity,
		Domain:          ingress.Domain,
		Project:         at.Project,
		Stage:           at.Stage,
		Reserved:        ingress.Reserved,
		Gateway:         gateway,
		IngressClass:    ingress.Class,
		Metadata:        policy.Metadata,
		PriorityClasses: policy.PriorityClasses,
	}
}

// PolicyOf returns the policy for the manifests of a release.
func PolicyOf(o Inputs) guard.Policy {
	return Policy(o.Cluster.Spec, o.Place(), o.Builds.Request.Repository)
}
