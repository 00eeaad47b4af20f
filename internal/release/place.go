package release

import (
	"slices"

	"fmt"
	"path"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
	"github.com/slipway-dev/slipway/internal/render"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// Place returns where the release's stage is. A preview has no hosts but its own.
func (o Inputs) Place() Place {
	hosts := []string{}
	if !o.Stage.IsPreview() {
		hosts = append(hosts, o.Project.Spec.Hosts...)
	}
	policy := o.Cluster.Spec.Policy.For(o.Project.Spec.Policy)
	if o.Stage.Spec.Fork {
		policy = policy.ForFork()
	}
	ingress := o.Cluster.Spec.Ingress
	ingress.Reserved = slices.Concat(o.OwnHosts, ingress.Reserved)
	return Place{
		Organization:    o.Organization,
		Project:         o.Project.Name,
		Stage:           o.Stage.Spec.Name,
		PullRequest:     o.Stage.Spec.PullRequest,
		Namespace:       o.Stage.Spec.Namespace,
		Ingress:         ingress,
		ImagePullSecret: tenancy.PullSecretOf(o.Cluster.Spec.Registry),
		Policy:          policy,
		Hosts:           hosts,
		SharedClass:     o.Cluster.Spec.Storage.SharedClass,
		Capabilities:    CapabilitiesOf(o.Cluster.Status),
		Registry:        o.Cluster.Spec.Registry,
	}
}

// Place is where a stage is: its names, its namespace and its cluster's ingress.
type Place struct {
	Organization string
	Project      string
	Stage        string
	PullRequest  int64 // of a preview; 0 for other stages
	Namespace    string
	Ingress      v1alpha1.Ingress
	// ImagePullSecret is what the stage's pods pull images with, if anything.
	ImagePullSecret string
	// Policy is what the stage is held to.
	Policy v1alpha1.ClusterPolicy
	// Hosts are those that the project was given besides its stages' own; nil means
	// that it isn't known, and any passes.
	Hosts []string
	// SharedClass is the storage class of volumes that several pods use, if any.
	SharedClass string
	// Capabilities are what charts see of the cluster.
	Capabilities render.Capabilities
	// Registry holds the images of all projects on the cluster.
	Registry v1alpha1.Registry
}

// CapabilitiesOf returns what charts see of a cluster.
func CapabilitiesOf(status v1alpha1.ClusterStatus) render.Capabilities {
	return render.Capabilities{Version: status.Version, APIs: status.APIVersions}
}

// Hosts returns the hosts of each routed service of a stage: the one in the
// stage's rule, or one made from the names below the cluster's domain. Services
// of Compose files have one when the rule names it.
func Hosts(rule project.Stage, services map[string]project.Service, at Place) map[string][]string {
	hosts := map[string][]string{}
	for name, host := range rule.Hosts {
		if _, declared := services[name]; !declared && host != "" {
			hosts[name] = []string{host}
		}
	}
	for name, service := range services {
		if len(service.Routes) == 0 {
			continue
		}
		if host := rule.Hosts[name]; host != "" {
			hosts[name] = []string{host}
		} else if at.Ingress.Domain != "" {
			hosts[name] = []string{naming.Host(name, at.Stage, at.Project, at.Ingress.Domain)}
		}
	}
	return hosts
}

// URL returns the address of a host on a cluster.
func URL(ingress v1alpha1.Ingress, host, at string) string {
	scheme := ingress.Scheme
	if scheme == "" {
		scheme = "https"
	}
	if ingress.Port != 0 {
		host = fmt.Sprintf("%s:%d", host, ingress.Port)
	}
	return scheme + "://" + host + path.Join("/", at)
}

// GivenHosts returns the hosts that belong to the services of a stage below the
// cluster's domain, whether they use them or not.
func GivenHosts(services []string, at Place) []string {
	if at.Ingress.Domain == "" {
		return nil
	}
	var hosts []string
	for _, name := range services {
		hosts = append(hosts, naming.Host(name, at.Stage, at.Project, at.Ingress.Domain))
	}
	return hosts
}
