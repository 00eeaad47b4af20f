package guard

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/json"
)

// known is what guard knows of a kind.
type known struct {
	// usual kinds are allowed without being named by the policy.
	usual bool
	// shapes returns an empty object for each version, by apiVersion.
	shapes map[string]any
	// inspect looks at what the kind may hold.
	inspect func(*check)
}

// knownKinds are the kinds that guard can look into, by "Kind.group".
func knownKinds() map[string]known {
	return map[string]known{
		"ConfigMap":             {true, map[string]any{"v1": &corev1.ConfigMap{}}, (*check).configMap},
		"Secret":                {true, map[string]any{"v1": &corev1.Secret{}}, (*check).secret},
		"Service":               {true, map[string]any{"v1": &corev1.Service{}}, (*check).service},
		"ServiceAccount":        {true, map[string]any{"v1": &corev1.ServiceAccount{}}, (*check).account},
		"PersistentVolumeClaim": {true, map[string]any{"v1": &corev1.PersistentVolumeClaim{}}, (*check).claimObject},
		"Deployment.apps":       {true, map[string]any{"apps/v1": &appsv1.Deployment{}}, (*check).workload},
		"StatefulSet.apps":      {true, map[string]any{"apps/v1": &appsv1.StatefulSet{}}, (*check).statefulSet},
		"Job.batch":             {true, map[string]any{"batch/v1": &batchv1.Job{}}, (*check).job},
		"CronJob.batch":         {true, map[string]any{"batch/v1": &batchv1.CronJob{}}, (*check).cronJob},
		"Ingress.networking.k8s.io": {
			true, map[string]any{"networking.k8s.io/v1": &networkingv1.Ingress{}}, (*check).ingress,
		},
		"HTTPRoute.gateway.networking.k8s.io": {
			true, map[string]any{"gateway.networking.k8s.io/v1": &gatewayv1.HTTPRoute{}}, (*check).route,
		},
		"HorizontalPodAutoscaler.autoscaling": {true, map[string]any{
			"autoscaling/v1": &autoscalingv1.HorizontalPodAutoscaler{}, "autoscaling/v2": &autoscalingv2.HorizontalPodAutoscaler{},
		}, (*check).scaler},
		"PodDisruptionBudget.policy": {true, map[string]any{"policy/v1": &policyv1.PodDisruptionBudget{}}, (*check).disruption},

		"DaemonSet.apps":  {false, map[string]any{"apps/v1": &appsv1.DaemonSet{}}, (*check).workload},
		"ReplicaSet.apps": {false, map[string]any{"apps/v1": &appsv1.ReplicaSet{}}, (*check).workload},
	}
}

// forbiddenGroups are API groups whose kinds no policy may allow: they give
// rights, or are the cluster's own.
func forbiddenGroups() []string {
	return []string{
		"admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "authentication.k8s.io",
		"authorization.k8s.io", "certificates.k8s.io", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "extensions",
		"flowcontrol.apiserver.k8s.io", "node.k8s.io", "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io",
		"slipway.dev", "storage.k8s.io", "storagemigration.k8s.io",
	}
}

// forbiddenKinds are further kinds that no policy may allow.
func forbiddenKinds() []string {
	return []string{
		"IngressClass.networking.k8s.io", "IPAddress.networking.k8s.io", "NetworkPolicy.networking.k8s.io",
		"ServiceCIDR.networking.k8s.io", "Gateway.gateway.networking.k8s.io", "GatewayClass.gateway.networking.k8s.io",
		"ReferenceGrant.gateway.networking.k8s.io", "ControllerRevision.apps",
	}
}

// forbidden reports whether no policy may allow a kind. Of the core group only
// the known kinds may be.
func forbidden(kind, group string) bool {
	_, looked := knownKinds()[groupKind(kind, group)]
	return group == "" && !looked ||
		slices.Contains(forbiddenGroups(), group) || slices.Contains(forbiddenKinds(), groupKind(kind, group))
}

func groupKind(kind, group string) string {
	if group == "" {
		return kind
	}
	return kind + "." + group
}

// group returns the API group of the object, empty for the core.
func (o object) group() string {
	group, _, found := strings.Cut(o.apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

// kind checks that the kind is allowed, and what the kind may hold.
func (c *check) kind() {
	o := c.object
	kind := groupKind(o.kind, o.group())
	if _, items := o.fields["items"]; items && strings.HasSuffix(o.kind, "List") {
		c.refuse(RuleKind, "kind", "%s hides objects in a list; write each as a document of its own", kind)
		return
	}
	if forbidden(o.kind, o.group()) {
		c.refuse(RuleKind, "kind", "%s is never allowed in a stage; leave it to the platform team", kind)
		return
	}
	looked := knownKinds()[kind]
	if !looked.usual && !slices.Contains(c.policy.Kinds, kind) {
		c.refuse(RuleKind, "kind", "%s is not allowed in a stage; the platform team can add it to the Cluster's spec.policy.kinds", kind)
		return
	}
	if looked.inspect == nil {
		c.foreignImages("", o.fields)
		return
	}
	shape, served := looked.shapes[o.apiVersion]
	if !served {
		c.refuse(RuleKind, "apiVersion", "%s is no version of %s that is known; use one of %v", o.apiVersion, o.kind, keys(looked.shapes))
		return
	}
	c.shape(shape)
	looked.inspect(c)
}

// shape checks that the object has the fields and types of its kind, so that
// what is read here is what the API server reads.
func (c *check) shape(into any) {
	strict, err := json.UnmarshalStrict(c.object.json, into)
	if err != nil {
		c.refuse(RuleShape, "", "does not have the fields of a %s: %s; correct the type", c.object.kind, c.parserText(err))
	}
	for _, err := range strict {
		c.refuse(RuleShape, "", "%s; correct or remove it", c.parserText(err))
	}
}

// parserText returns the parser's words, which may quote values of a Secret.
func (c *check) parserText(err error) string {
	if c.object.kind == "Secret" {
		return "a field is unknown or of the wrong type"
	}
	return err.Error()
}
