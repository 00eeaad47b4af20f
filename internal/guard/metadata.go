package guard

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/slipway-dev/slipway/internal/naming"
)

// identity checks name and uniqueness.
func (c *check) identity(seen map[string]bool) {
	o := c.object
	switch {
	case o.name == "":
		c.refuse(RuleName, "metadata.name", "is missing; every object needs a fixed name, generateName won't do")
	case len(validation.IsDNS1123Subdomain(o.name)) > 0:
		c.refuse(RuleName, "metadata.name", "is no valid name; use lower-case letters, digits, - and . only")
	case o.kind == "Secret" && o.name == naming.PullSecret:
		c.refuse(RuleName, "metadata.name", "is reserved for what images are pulled with; choose another")
	case o.kind == "ConfigMap" && o.name == "kube-root-ca.crt":
		c.refuse(RuleName, "metadata.name", "is reserved by Kubernetes; choose another")
	}
	key := groupKind(o.kind, o.group()) + "/" + o.name
	if seen[key] {
		c.refuse(RuleDuplicate, "", "is there twice; rename or remove one")
	}
	seen[key] = true
}

// metadata checks the metadata of the object or of a template in it.
func (c *check) metadata(at string, value any) {
	if ns := field(value, "namespace"); ns != nil && ns != "" && ns != c.policy.Namespace {
		name, _ := ns.(string)
		c.refuse(RuleNamespace, at+".namespace", "is %q; a stage may only have objects in its own namespace %s, leave it out", name, c.policy.Namespace)
	}
	c.only(RuleMetadata, at, value, []string{"name", "namespace", "labels", "annotations", "creationTimestamp"})
	for _, key := range keys(field(value, "labels")) {
		if !c.allowedKey(key, allowedLabels()) {
			c.refuse(RuleLabel, join(at+".labels", key), "may steer something outside the stage; remove it, or let the platform team add it to the Cluster's spec.policy.metadata")
		}
	}
	allowed := allowedAnnotations()
	if c.object.kind == "Ingress" {
		allowed = append(allowed, ingressAnnotations()...)
	}
	for _, key := range keys(field(value, "annotations")) {
		if !c.allowedKey(key, allowed) {
			c.refuse(RuleAnnotation, join(at+".annotations", key), "may steer something outside the stage; remove it, or let the platform team add it to the Cluster's spec.policy.metadata")
		}
	}
}

// allowedKey reports whether a label or annotation may be set. Keys without a
// prefix are the author's own.
func (c *check) allowedKey(key string, allowed []string) bool {
	prefix, _, prefixed := strings.Cut(key, "/")
	if !prefixed {
		return true
	}
	if slices.Contains(allowed, key) || slices.Contains(allowed, prefix+"/*") {
		return true
	}
	return prefix != "slipway.dev" && (slices.Contains(c.policy.Metadata, key) || slices.Contains(c.policy.Metadata, prefix+"/*"))
}

// allowedLabels are the labels that any object may have.
func allowedLabels() []string {
	return []string{
		"app.kubernetes.io/*", "helm.sh/*",
		"slipway.dev/organization", "slipway.dev/project", "slipway.dev/stage", "slipway.dev/service", "slipway.dev/release",
	}
}

// allowedAnnotations are the annotations that any object may have.
func allowedAnnotations() []string {
	return []string{
		"app.kubernetes.io/*", "checksum/*", "helm.sh/*", "meta.helm.sh/*", "prometheus.io/*",
		"kubectl.kubernetes.io/default-container", "kubectl.kubernetes.io/restartedAt",
		"kubernetes.io/change-cause", "kubernetes.io/description",
		"slipway.dev/adopt", "slipway.dev/after", "slipway.dev/commit", "slipway.dev/config-hash", "slipway.dev/generated", "slipway.dev/hook",
		"slipway.dev/prune", "slipway.dev/ref", "slipway.dev/replace", "slipway.dev/seal-hash",
	}
}

// ingressAnnotations are what an Ingress may ask of its controller: nothing
// that is pasted into the controller's configuration, leads to other
// namespaces or calls other addresses.
func ingressAnnotations() []string {
	return []string{
		"cert-manager.io/cluster-issuer", "cert-manager.io/issuer",
		"nginx.ingress.kubernetes.io/affinity", "nginx.ingress.kubernetes.io/backend-protocol",
		"nginx.ingress.kubernetes.io/client-body-buffer-size", "nginx.ingress.kubernetes.io/cors-allow-credentials",
		"nginx.ingress.kubernetes.io/cors-allow-headers", "nginx.ingress.kubernetes.io/cors-allow-methods",
		"nginx.ingress.kubernetes.io/cors-allow-origin", "nginx.ingress.kubernetes.io/cors-max-age",
		"nginx.ingress.kubernetes.io/enable-cors", "nginx.ingress.kubernetes.io/force-ssl-redirect",
		"nginx.ingress.kubernetes.io/limit-connections", "nginx.ingress.kubernetes.io/limit-rpm",
		"nginx.ingress.kubernetes.io/limit-rps", "nginx.ingress.kubernetes.io/proxy-body-size",
		"nginx.ingress.kubernetes.io/proxy-buffering", "nginx.ingress.kubernetes.io/proxy-connect-timeout",
		"nginx.ingress.kubernetes.io/proxy-read-timeout", "nginx.ingress.kubernetes.io/proxy-send-timeout",
		"nginx.ingress.kubernetes.io/rewrite-target", "nginx.ingress.kubernetes.io/session-cookie-name",
		"nginx.ingress.kubernetes.io/ssl-redirect", "nginx.ingress.kubernetes.io/use-regex",
		"nginx.ingress.kubernetes.io/whitelist-source-range",
		"traefik.ingress.kubernetes.io/router.entrypoints", "traefik.ingress.kubernetes.io/router.tls",
	}
}
