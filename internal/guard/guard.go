package guard

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Policy is what a stage's manifests are held to.
type Policy struct {
	// Namespace is the only one that objects may name.
	Namespace string
	// Kinds are allowed besides DefaultKinds, each "Kind.group", or "Kind" for
	// the core group.
	Kinds []string
	// Registries are where images may come from: a host, or a host and the
	// first elements of a path. Empty allows any.
	Registries []string
	// Root allows containers that run as root or with more than the
	// "restricted" Pod Security standard gives; "baseline" holds then.
	Root bool
	// Hosts are the hosts that the stage's routes may use; a nil slice allows
	// any.
	Hosts []string
}

// Finding is one thing that manifests may not contain.
type Finding struct {
	// Object is Kind/name.
	Object string
	// Field is the path in the object, empty for the object itself.
	Field string
	// Rule is the short name of the rule.
	Rule string
	// Message says what is wrong and what to do.
	Message string
}

// String returns the finding as one sentence.
func (f Finding) String() string {
	place := f.Object
	if f.Field != "" {
		place += ": " + f.Field
	}
	return fmt.Sprintf("%s: %s (rule %s)", place, f.Message, f.Rule)
}

// defaultKinds are the kinds that a stage may hold.
func defaultKinds() []string {
	return []string{
		"ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim",
		"Deployment.apps", "StatefulSet.apps",
		"Job.batch", "CronJob.batch",
		"Ingress.networking.k8s.io", "HTTPRoute.gateway.networking.k8s.io",
		"HorizontalPodAutoscaler.autoscaling", "PodDisruptionBudget.policy",
	}
}

// forbiddenKinds may not be allowed by any policy: they give rights.
func forbiddenKinds() []string {
	return []string{
		"Role.rbac.authorization.k8s.io", "RoleBinding.rbac.authorization.k8s.io",
		"ClusterRole.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io",
		"Endpoints", "EndpointSlice.discovery.k8s.io", "Namespace", "Node", "PersistentVolume", "Pod",
		"NetworkPolicy.networking.k8s.io", "ResourceQuota", "LimitRange",
	}
}

// Check returns everything in the manifests (YAML documents) that the policy
// does not allow, in the order of the documents. An error means that the
// manifests can't be read at all.
func Check(manifests []byte, policy Policy) ([]Finding, error) {
	objects, err := parse(manifests)
	if err != nil {
		return nil, err
	}
	var all []Finding
	seen := map[string]bool{}
	for _, object := range objects {
		c := check{policy: policy, object: object}
		c.identity(seen)
		c.kind()
		all = append(all, c.findings...)
	}
	return all, nil
}

// check collects the findings of one object.
type check struct {
	policy   Policy
	object   *unstructured.Unstructured
	findings []Finding
}

func (c *check) refuse(rule, field, format string, args ...any) {
	c.findings = append(c.findings, Finding{
		Object:  c.object.GetKind() + "/" + c.object.GetName(),
		Field:   field,
		Rule:    rule,
		Message: fmt.Sprintf(format, args...),
	})
}

// identity checks name and namespace.
func (c *check) identity(seen map[string]bool) {
	if c.object.GetName() == "" {
		c.refuse("name", "metadata.name", "is missing; every object needs a fixed name, generateName won't do")
	}
	if ns := c.object.GetNamespace(); ns != c.policy.Namespace {
		c.refuse("namespace", "metadata.namespace", "is %q; a stage may only have objects in its own namespace %s, leave it out", ns, c.policy.Namespace)
	}
	if len(c.object.GetFinalizers()) > 0 {
		c.refuse("finalizer", "metadata.finalizers", "would keep the stage from being taken down; remove it")
	}
	if len(c.object.GetOwnerReferences()) > 0 {
		c.refuse("owner", "metadata.ownerReferences", "objects of a stage have no owner but the stage; remove it")
	}
	key := groupKind(c.object.GroupVersionKind()) + "/" + c.object.GetName()
	if seen[key] {
		c.refuse("duplicate", "", "is there twice; rename or remove one")
	}
	seen[key] = true
}

// kind checks that the kind is allowed, and what the kind may hold.
func (c *check) kind() {
	kind := groupKind(c.object.GroupVersionKind())
	if slices.Contains(forbiddenKinds(), kind) {
		c.refuse("kind", "kind", "%s is never allowed in a stage; the platform team makes such objects", kind)
		return
	}
	if !slices.Contains(defaultKinds(), kind) && !slices.Contains(c.policy.Kinds, kind) {
		c.refuse("kind", "kind", "%s is not allowed in a stage; the platform team can add it to the Cluster's spec.policy.kinds", kind)
		return
	}
	switch kind {
	case "Secret":
		c.secret()
	case "Service":
		c.service()
	case "Ingress.networking.k8s.io":
		c.ingress()
	case "HTTPRoute.gateway.networking.k8s.io":
		c.route()
	case "ServiceAccount":
		c.serviceAccount()
	case "PersistentVolumeClaim":
		c.claim(c.object.Object, "")
	case "StatefulSet.apps":
		c.claims()
		c.pods("spec", "template")
	case "CronJob.batch":
		c.pods("spec", "jobTemplate", "spec", "template")
	case "Deployment.apps", "Job.batch":
		c.pods("spec", "template")
	}
}

func groupKind(gvk schema.GroupVersionKind) string {
	if gvk.Group == "" {
		return gvk.Kind
	}
	return gvk.Kind + "." + gvk.Group
}

// secret refuses values in plain text: whatever is in git is known to all who
// can read it.
func (c *check) secret() {
	for _, field := range []string{"data", "stringData"} {
		values, found, err := unstructured.NestedMap(c.object.Object, field)
		if err != nil || found && len(values) > 0 {
			c.refuse("plaintext-secret", field, "holds values in plain text; keep them out of git: name an existing Secret in the service's secrets")
		}
	}
}

// service keeps Kubernetes Services inside the namespace.
func (c *check) service() {
	spec := c.object.Object["spec"]
	if kind := text(spec, "type"); kind != "" && kind != "ClusterIP" {
		c.refuse("service-type", "spec.type", "is %q; only ClusterIP is allowed, reach the service through routes", kind)
	}
	for _, field := range []string{"externalIPs", "externalName", "loadBalancerIP", "loadBalancerSourceRanges"} {
		if present(spec, field) {
			c.refuse("service-reach", "spec."+field, "points outside the namespace; remove it")
		}
	}
}

// ingress checks the hosts and annotations of an Ingress.
func (c *check) ingress() {
	spec := c.object.Object["spec"]
	if present(spec, "defaultBackend") {
		c.refuse("host", "spec.defaultBackend", "would take requests for every host; give a rule with a host")
	}
	for i, rule := range list(spec, "rules") {
		c.host(fmt.Sprintf("spec.rules[%d].host", i), text(rule, "host"))
	}
	for i, tls := range list(spec, "tls") {
		for j, host := range list(tls, "hosts") {
			name, _ := host.(string)
			c.host(fmt.Sprintf("spec.tls[%d].hosts[%d]", i, j), name)
		}
	}
	for name := range c.object.GetAnnotations() {
		if strings.Contains(name, "snippet") || strings.Contains(name, "auth-tls-secret") || strings.HasPrefix(name, "zalando.org/") {
			c.refuse("ingress-annotation", "metadata.annotations", "%s changes the ingress controller itself; remove it", name)
		}
	}
}

// route checks the hosts of an HTTPRoute.
func (c *check) route() {
	hosts := list(c.object.Object["spec"], "hostnames")
	if len(hosts) == 0 {
		c.refuse("host", "spec.hostnames", "is empty and would take requests for every host; name one")
	}
	for i, host := range hosts {
		name, _ := host.(string)
		c.host(fmt.Sprintf("spec.hostnames[%d]", i), name)
	}
	for i, rule := range list(c.object.Object["spec"], "rules") {
		for j, ref := range list(rule, "backendRefs") {
			if ns := text(ref, "namespace"); ns != "" && ns != c.policy.Namespace {
				c.refuse("namespace", fmt.Sprintf("spec.rules[%d].backendRefs[%d].namespace", i, j), "is %q; routes lead to the stage's own namespace only", ns)
			}
		}
	}
}

func (c *check) host(field, host string) {
	switch {
	case host == "" || strings.HasPrefix(host, "*"):
		c.refuse("host", field, "is %q and would take requests for hosts of others; name one host", host)
	case c.policy.Hosts != nil && !slices.Contains(c.policy.Hosts, host):
		c.refuse("host", field, "%q is not one of the stage's hosts; add it to the stage's hosts in slipway.yaml", host)
	}
}

func (c *check) serviceAccount() {
	if c.object.GetName() == "slipway-stage" || c.object.GetName() == "default" {
		c.refuse("service-account", "metadata.name", "is reserved; choose another name")
	}
	for _, field := range []string{"secrets", "imagePullSecrets"} {
		if field == "secrets" && present(c.object.Object, field) {
			c.refuse("service-account", field, "would bind tokens to the account; remove it")
		}
	}
}

// claims checks the claim templates of a StatefulSet.
func (c *check) claims() {
	for i, claim := range list(c.object.Object["spec"], "volumeClaimTemplates") {
		fields, _ := claim.(map[string]any)
		c.claim(fields, fmt.Sprintf("spec.volumeClaimTemplates[%d].", i))
	}
}

// claim refuses to take a volume by name: it may be somebody else's.
func (c *check) claim(fields map[string]any, prefix string) {
	for _, field := range []string{"volumeName", "dataSource", "dataSourceRef", "selector"} {
		if present(fields["spec"], field) {
			c.refuse("volume", prefix+"spec."+field, "could take the data of others; remove it")
		}
	}
}

// parse splits and decodes YAML documents.
func parse(manifests []byte) ([]*unstructured.Unstructured, error) {
	objects, err := decode(manifests)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the rendered manifests are not valid: %v; correct the overlay or source that they come from", err)
	}
	return objects, nil
}
