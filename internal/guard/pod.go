package guard

import (
	"fmt"
	"slices"

	"github.com/slipway-dev/slipway/internal/naming"
)

// maxGrace is how long a pod may take to stop, in seconds.
const maxGrace = 3600

// template checks a pod template.
func (c *check) template(path string, template any) {
	c.metadata(path+".metadata", field(template, "metadata"))
	spec := field(template, "spec")
	path += ".spec"
	c.node(path, spec)
	c.permitted(path, spec)
	c.identityOf(path, spec)
	c.affinity(path+".affinity", field(spec, "affinity"))
	if grace, _ := number(spec, "terminationGracePeriodSeconds"); grace > maxGrace {
		c.refuse(RulePod, path+".terminationGracePeriodSeconds", "would keep the stage from being taken down for hours; set at most %d", maxGrace)
	}
	if set(field(spec, "resources"), "claims") || set(spec, "resourceClaims") {
		c.refuse(RuleNode, path+".resourceClaims", "takes devices of the node; remove it")
	}
	c.only(RulePod, path, spec, podFields())
	podContext := field(spec, "securityContext")
	c.podSecurity(path, spec, podContext)
	if c.policy.PodSecurity.Contained() {
		c.userNamespace(path, spec)
	}
	for i, volume := range list(spec, "volumes") {
		c.volume(fmt.Sprintf("%s.volumes[%d]", path, i), volume)
	}
	for _, kind := range []string{"initContainers", "containers"} {
		for i, container := range list(spec, kind) {
			if c.full() {
				return
			}
			c.container(fmt.Sprintf("%s.%s[%d]", path, kind, i), container, podContext)
		}
	}
}

// podFields are the fields of a pod that are harmless or looked at.
func podFields() []string {
	return []string{
		"activeDeadlineSeconds", "affinity", "automountServiceAccountToken", "containers", "dnsConfig", "dnsPolicy",
		"enableServiceLinks", "hostAliases", "hostUsers", "hostname", "imagePullSecrets", "initContainers", "nodeSelector", "preemptionPolicy",
		"readinessGates", "resources", "restartPolicy", "securityContext", "serviceAccount", "serviceAccountName",
		"setHostnameAsFQDN", "subdomain", "terminationGracePeriodSeconds", "topologySpreadConstraints", "volumes",
		// Refused with words of their own:
		"hostIPC", "hostNetwork", "hostPID", "nodeName", "os", "priority", "priorityClassName", "resourceClaims",
		"runtimeClassName", "schedulerName", "tolerations",
	}
}

// node refuses what belongs to the node.
func (c *check) node(path string, spec any) {
	for _, name := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if set(spec, name) {
			c.refuse(RuleNode, join(path, name), "would share what belongs to the node; remove it")
		}
	}
	if set(spec, "nodeName") {
		c.refuse(RuleNode, path+".nodeName", "is the scheduler's choice; remove it")
	}
	if name := text(spec, "schedulerName"); name != "" && name != "default-scheduler" {
		c.refuse(RuleNode, path+".schedulerName", "is the platform team's choice; remove it")
	}
	if class := text(spec, "runtimeClassName"); class != "" && !slices.Contains(c.policy.RuntimeClasses, class) {
		c.refuse(RuleNode, path+".runtimeClassName", "%s may run pods with another confinement; remove it, or let the platform team add it to the Cluster's spec.policy.runtimeClasses", class)
	}
	if class := text(spec, "priorityClassName"); class != "" && !slices.Contains(c.policy.PriorityClasses, class) {
		c.refuse(RulePriority, path+".priorityClassName", "%s would push pods of others off the nodes; remove it, or let the platform team add it to the Cluster's spec.policy.priorityClasses", class)
	}
	if set(spec, "priority") {
		c.refuse(RulePriority, path+".priority", "is set by the priority class; remove it")
	}
}

// identityOf refuses the account that may write to the stage, under both
// names that a pod can give it.
func (c *check) identityOf(path string, spec any) {
	for _, name := range []string{"serviceAccountName", "serviceAccount"} {
		if text(spec, name) == naming.StageServiceAccount {
			c.refuse(RuleAccount, join(path, name), "%s may write everything in the stage; use an account of the service's own", naming.StageServiceAccount)
		}
	}
}

// affinity refuses to name pods of other namespaces, wherever in the rules.
func (c *check) affinity(path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range keys(v) {
			if name == "namespaces" && set(v, name) || name == "namespaceSelector" && v[name] != nil {
				c.refuse(RuleNeighbours, join(path, name), "names pods of other namespaces and can keep them from being scheduled; remove it")
				continue
			}
			c.affinity(join(path, name), v[name])
		}
	case []any:
		for i, element := range v {
			c.affinity(fmt.Sprintf("%s[%d]", path, i), element)
		}
	}
}

// volume refuses volumes that are not the stage's own.
func (c *check) volume(path string, volume any) {
	c.only(RuleVolume, path, volume, []string{"name", "configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI", "ephemeral"})
	for i, source := range list(field(volume, "projected"), "sources") {
		at := fmt.Sprintf("%s.projected.sources[%d]", path, i)
		for _, name := range keys(source) {
			if !slices.Contains([]string{"configMap", "secret", "downwardAPI", "serviceAccountToken"}, name) {
				c.refuse(RuleToken, join(at, name), "would let the pod speak for the stage elsewhere; remove it")
			}
		}
	}
	if claim := at(volume, "ephemeral", "volumeClaimTemplate"); claim != nil {
		c.metadata(path+".ephemeral.volumeClaimTemplate.metadata", field(claim, "metadata"))
		c.claim(path+".ephemeral.volumeClaimTemplate.spec", field(claim, "spec"))
	}
}
