package guard

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/naming"
)

// Hosts returns the hosts that manifests' routes use, sorted: what must be
// looked up in the cluster before Check can know whether others have them.
func Hosts(manifests []byte) ([]string, error) {
	if !bytes.Contains(manifests, []byte("Ingress")) && !bytes.Contains(manifests, []byte("HTTPRoute")) {
		return nil, nil
	}
	found := map[string]bool{}
	err := each(manifests, func(o object) {
		spec := o.fields["spec"]
		switch groupKind(o.kind, o.group()) {
		case "Ingress.networking.k8s.io":
			for _, rule := range list(spec, "rules") {
				found[text(rule, "host")] = true
			}
			for _, tls := range list(spec, "tls") {
				addHosts(found, list(tls, "hosts"))
			}
		case "HTTPRoute.gateway.networking.k8s.io":
			addHosts(found, list(spec, "hostnames"))
		}
	})
	if err != nil {
		return nil, err
	}
	delete(found, "")
	return slices.Sorted(maps.Keys(found)), nil
}

func addHosts(found map[string]bool, hosts []any) {
	for _, value := range hosts {
		host, _ := value.(string)
		found[host] = true
	}
}

// host checks one host of a route.
func (c *check) host(at string, value any) {
	host, _ := value.(string)
	switch {
	case host == "" || strings.Contains(host, "*"):
		c.refuse(RuleHost, at, "is %q and would take requests for hosts of others; name one host", host)
	case slices.ContainsFunc(c.policy.Reserved, func(r string) bool { return covers(r, host) }):
		c.refuse(RuleHostOwner, at, "%q is kept by the platform team; choose another host", host)
	case c.policy.Hosts != nil && !c.own(host) && !slices.ContainsFunc(c.policy.Hosts, func(given string) bool { return covers(given, host) }):
		c.refuse(RuleHost, at, "%q was not given to this project; leave the host out to get the stage's own, or let the platform team add it to spec.hosts of the Project", host)
	case slices.Contains(c.policy.Taken, host):
		c.refuse(RuleHostOwner, at, "%q is used by another project on this cluster; choose another host, or ask the platform team who has it", host)
	case c.promised(host):
		c.refuse(RuleHostOwner, at, "%q is the form of host that other projects are given below %s; leave the host out to get the stage's own, or choose a name with at most one dash", host, c.policy.Domain)
	}
}

// covers reports whether a reserved host is this one, or one below it when it
// begins with "*.".
func covers(reserved, host string) bool {
	if below, wild := strings.CutPrefix(reserved, "*"); wild {
		return strings.HasSuffix(host, below)
	}
	return reserved == host
}

// own reports whether a host is what Slipway gives a service of the stage below the
// cluster's domain.
func (c *check) own(host string) bool {
	if c.policy.Domain == "" {
		return false
	}
	service := text(at(c.object.fields, "metadata", "labels"), naming.LabelService)
	return slices.Contains(c.policy.Given, host) || host == naming.Host(service, c.policy.Stage, c.policy.Project, c.policy.Domain)
}

// promised reports whether a host is, or may become, what Slipway gives a
// service of another project below the cluster's domain.
func (c *check) promised(host string) bool {
	label, below := strings.CutSuffix(host, "."+c.policy.Domain)
	if c.policy.Domain == "" || !below || strings.Contains(label, ".") {
		return false
	}
	if c.own(host) {
		return false
	}
	project, generated := naming.HostProject(label)
	return generated && (project == "" || project != c.policy.Project)
}
