package guard

import (
	"fmt"
	"slices"
	"strings"
)

// service keeps Kubernetes Services inside the namespace.
func (c *check) service() {
	spec := c.object.fields["spec"]
	if kind := text(spec, "type"); kind != "" && kind != "ClusterIP" {
		c.refuse(RuleServiceType, "spec.type", "is %s; only ClusterIP is allowed, reach the service through routes or an Ingress: set the type in the chart's values, or put this into an overlay: %s", kind, c.clusterIPPatch())
	}
	if !set(spec, "selector") {
		c.refuse(RuleServiceSelector, "spec.selector", "is missing, so that others say where the service leads; select the service's pods")
	}
	addresses := append([]any{field(spec, "clusterIP")}, list(spec, "clusterIPs")...)
	for _, address := range addresses {
		if address != nil && address != "" && address != "None" {
			c.refuse(RuleServiceReach, "spec.clusterIP", "takes an address of the cluster's; leave it out, or set None")
		}
	}
	for i, port := range list(spec, "ports") {
		if set(port, "nodePort") {
			c.refuse(RuleServiceReach, fmt.Sprintf("spec.ports[%d].nodePort", i), "takes a port of every node; remove it")
		}
	}
	for _, name := range keys(spec) {
		if set(spec, name) && !slices.Contains(serviceFields(), name) {
			c.refuse(RuleServiceReach, "spec."+name, "reaches out of the namespace; remove it")
		}
	}
}

// patch is text for people to paste, which is shown as a whole.
type patch string

// clusterIPPatch returns what an overlay's kustomization.yaml must have for the
// service to stay inside the cluster.
func (c *check) clusterIPPatch() patch {
	spec := c.object.fields["spec"]
	operations := []string{`{"op": "replace", "path": "/spec/type", "value": "ClusterIP"}`}
	remove := func(path string) {
		operations = append(operations, fmt.Sprintf(`{"op": "remove", "path": "/spec/%s"}`, path))
	}
	for i, port := range list(spec, "ports") {
		if i < maxPatched && set(port, "nodePort") {
			remove(fmt.Sprintf("ports/%d/nodePort", i))
		}
	}
	for _, name := range reachingFields() {
		if set(spec, name) {
			remove(name)
		}
	}
	return patch(fmt.Sprintf("patches: [{target: {kind: Service, name: %s}, patch: '[%s]'}]", clip(c.object.name), strings.Join(operations, ", ")))
}

// maxPatched is how many ports a patch is shown for.
const maxPatched = 20

// reachingFields are the fields of Kubernetes Services that reach out of the
// namespace.
func reachingFields() []string {
	return []string{
		"allocateLoadBalancerNodePorts", "externalIPs", "externalName", "externalTrafficPolicy", "healthCheckNodePort",
		"loadBalancerClass", "loadBalancerIP", "loadBalancerSourceRanges",
	}
}

func serviceFields() []string {
	return []string{
		"clusterIP", "clusterIPs", "internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "ports", "publishNotReadyAddresses",
		"selector", "sessionAffinity", "sessionAffinityConfig", "trafficDistribution", "type",
	}
}

// ingress checks class, hosts, paths and backends of an Ingress.
func (c *check) ingress() {
	spec := c.object.fields["spec"]
	if class := text(spec, "ingressClassName"); class != "" && c.policy.IngressClass != "" && class != c.policy.IngressClass {
		c.refuse(RuleIngressClass, "spec.ingressClassName", "is %s; the cluster's is %s, leave it out", class, c.policy.IngressClass)
	}
	if set(spec, "defaultBackend") {
		c.refuse(RuleHost, "spec.defaultBackend", "would take requests for every host; give a rule with a host")
	}
	for i, rule := range list(spec, "rules") {
		at := fmt.Sprintf("spec.rules[%d]", i)
		c.host(at+".host", field(rule, "host"))
		c.ingressPaths(at+".http.paths", list(field(rule, "http"), "paths"))
	}
	for i, tls := range list(spec, "tls") {
		if len(list(tls, "hosts")) == 0 {
			c.refuse(RuleHost, fmt.Sprintf("spec.tls[%d].hosts", i), "is empty and would be for every host; name the hosts")
		}
		for j, host := range list(tls, "hosts") {
			c.host(fmt.Sprintf("spec.tls[%d].hosts[%d]", i, j), host)
		}
	}
	annotations := at(c.object.fields, "metadata", "annotations")
	for _, key := range keys(annotations) {
		if slices.Contains(ingressAnnotations(), key) && !harmless(text(annotations, key)) {
			c.refuse(RulePath, join("metadata.annotations", key), "has signs that ingress controllers paste into their configuration; keep to letters, digits and the signs of URLs")
		}
	}
}

func (c *check) ingressPaths(at string, paths []any) {
	for i, path := range paths {
		at := fmt.Sprintf("%s[%d]", at, i)
		c.path(at+".path", text(path, "path"))
		if set(field(path, "backend"), "resource") {
			c.refuse(RuleBackend, at+".backend.resource", "leads to an object that is no Kubernetes Service; name one")
		}
	}
}

// route checks the Gateway, hosts, backends and filters of an HTTPRoute.
func (c *check) route() {
	spec := c.object.fields["spec"]
	for i, parent := range list(spec, "parentRefs") {
		c.parent(fmt.Sprintf("spec.parentRefs[%d]", i), parent)
	}
	hosts := list(spec, "hostnames")
	if len(hosts) == 0 {
		c.refuse(RuleHost, "spec.hostnames", "is empty and would take requests for every host; name one")
	}
	for i, host := range hosts {
		c.host(fmt.Sprintf("spec.hostnames[%d]", i), host)
	}
	for i, rule := range list(spec, "rules") {
		at := fmt.Sprintf("spec.rules[%d]", i)
		for j, match := range list(rule, "matches") {
			c.path(fmt.Sprintf("%s.matches[%d].path.value", at, j), text(field(match, "path"), "value"))
		}
		c.filters(at, rule)
		for j, backend := range list(rule, "backendRefs") {
			at := fmt.Sprintf("%s.backendRefs[%d]", at, j)
			c.backend(at, backend)
			c.filters(at, backend)
		}
	}
	c.only(RuleGateway, "spec", spec, []string{"parentRefs", "hostnames", "rules"})
}

// parent checks that a route hangs on the cluster's Gateway.
func (c *check) parent(at string, parent any) {
	namespace := text(parent, "namespace")
	if namespace == "" {
		namespace = c.policy.Namespace
	}
	gateway := namespace + "/" + text(parent, "name")
	kind, group := field(parent, "kind"), field(parent, "group")
	isGateway := (kind == nil || kind == "Gateway") && (group == nil || group == "gateway.networking.k8s.io")
	if !isGateway || gateway != c.policy.Gateway {
		c.refuse(RuleGateway, at, "is %s, not the Gateway that the cluster gives to stages; use routes of the service", gateway)
	}
}

func (c *check) backend(at string, backend any) {
	if ns := text(backend, "namespace"); ns != "" && ns != c.policy.Namespace {
		c.refuse(RuleBackend, at+".namespace", "is %q; routes lead to the stage's own namespace only", ns)
	}
	kind, group := field(backend, "kind"), field(backend, "group")
	if kind != nil && kind != "Service" || group != nil && group != "" {
		c.refuse(RuleBackend, at+".kind", "is no Kubernetes Service; name one")
	}
}

func (c *check) filters(at string, value any) {
	allowed := []string{"RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite", "CORS"}
	for i, filter := range list(value, "filters") {
		at := fmt.Sprintf("%s.filters[%d]", at, i)
		if kind := text(filter, "type"); !slices.Contains(allowed, kind) {
			c.refuse(RuleFilter, at+".type", "%q reaches out of the route; remove it", kind)
		}
		c.only(RuleFilter, at, filter, []string{"type", "requestHeaderModifier", "responseHeaderModifier", "requestRedirect", "urlRewrite", "cors"})
	}
}

func (c *check) path(at, path string) {
	if !harmless(path) {
		c.refuse(RulePath, at, "%q has signs that ingress controllers paste into their configuration; keep to letters, digits and the signs of URLs", path)
	}
}

// harmless reports whether a text can't leave the place in a proxy's
// configuration that it is pasted into.
func harmless(s string) bool {
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case strings.ContainsRune(" -._~:/?@!$&()*+,=%^|[]", r):
		default:
			return false
		}
	}
	return true
}
