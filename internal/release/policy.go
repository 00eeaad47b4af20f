package release

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/build"
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
		Builds:          at.Registry.Root(),
		Open:            open(at, built),
		Apart:           apart(at),
		Class:           class(at, built),
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

// open returns the paths of the cluster's registry that a stage may use, each once.
func open(at Place, built []string) []string {
	paths := at.Registry.Open(at.Organization, at.Project)
	for _, path := range built {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// apart returns where the images of untrusted code are, which only the class that they
// are of may use; empty without a registry.
func apart(at Place) string {
	if at.Registry.Host == "" {
		return ""
	}
	return build.Repository(at.Registry.Host, at.Registry.Prefix, at.Organization, at.Project, ".")
}

// class returns the repository of the class that a stage is of; empty for the project's
// own code.
func class(at Place, built []string) string {
	for _, repository := range built {
		if above := apart(at); above != "" && strings.HasPrefix(repository, above+"/") {
			return repository
		}
	}
	return ""
}

// CheckNodes refuses a stage of the level contained on a cluster that is known to
// have no node with user namespaces: its pods could not start.
func CheckNodes(o Inputs) error {
	if !o.Place().Policy.PodSecurity.Contained() {
		return nil
	}
	known := meta.FindStatusCondition(o.Cluster.Status.Conditions, v1alpha1.ConditionUserNamespaces)
	if known == nil || known.Status != metav1.ConditionFalse || known.Reason != v1alpha1.ReasonNoUserNamespaces {
		return nil
	}
	return &Failure{Cause: "NoUserNamespaces", Message: "cluster " + o.Cluster.Name + " can't run pods of the level contained: " + known.Message}
}

// PolicyOf returns the policy for the manifests of a release.
func PolicyOf(o Inputs) guard.Policy {
	if o.Builds.Trusted != "" {
		return Policy(o.Place(), o.Builds.Request.Repository, o.Builds.Trusted)
	}
	return Policy(o.Place(), o.Builds.Request.Repository)
}
