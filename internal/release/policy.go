package release

import (
	"cmp"
	"slices"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/guard"
	"github.com/slipway-dev/slipway/internal/naming"
)

// Policy returns what the manifests of a stage on a cluster are held to, by
// the server and the offline commands alike. Built are the repositories of the
// images that Slipway builds, which are always allowed.
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
		Root:            policy.Root,
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

// Given returns the hosts that a stage's services are given below the
// cluster's domain, whether they use them or not.
func Given(services []string, at Place) []string {
	if at.Ingress.Domain == "" {
		return nil
	}
	var hosts []string
	for _, name := range services {
		hosts = append(hosts, naming.Host(name, at.Stage, at.Project, at.Ingress.Domain))
	}
	return hosts
}

// PolicyOf returns what the manifests of an order are held to.
func PolicyOf(o Inputs) guard.Policy {
	return Policy(o.Cluster.Spec, o.place(), o.Builds.Request.Repository)
}
