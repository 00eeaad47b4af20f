package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// podSecurity checks a pod's security context.
func (c *check) podSecurity(path string, spec, context any) {
	if system := text(field(spec, "os"), "name"); system != "" && system != "linux" {
		c.refuse(RuleSecurity, path+".os.name", "%s pods are not held to the rules of this one; remove it", system)
	}
	path += ".securityContext"
	for i, sysctl := range list(context, "sysctls") {
		if name := text(sysctl, "name"); !slices.Contains(safeSysctls(), name) {
			c.refuse(RuleSecurity, fmt.Sprintf("%s.sysctls[%d]", path, i), "%s is not one that counts in the pod alone; remove it", name)
		}
	}
	c.only(RuleSecurity, path, context, []string{
		"appArmorProfile", "fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsNonRoot", "runAsUser", "seLinuxChangePolicy",
		"seccompProfile", "supplementalGroups", "supplementalGroupsPolicy", "sysctls",
	})
	c.profiles(path, context)
	c.user(path, context)
}

// safeSysctls count in the pod's own namespaces only (Pod Security
// "baseline").
func safeSysctls() []string {
	return []string{
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
		"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
		"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem",
		"net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
	}
}

// containerSecurity checks a container's security context.
func (c *check) containerSecurity(path string, context, podContext any) {
	if set(context, "privileged") {
		c.refuse(RulePrivileged, path+".privileged", "would make the container root on the node; remove it")
	}
	if mount := text(context, "procMount"); mount != "" && mount != "Default" {
		c.refuse(RuleSecurity, path+".procMount", "%s shows the node; remove it", mount)
	}
	c.only(RuleSecurity, path, context, []string{
		"allowPrivilegeEscalation", "appArmorProfile", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem",
		"runAsGroup", "runAsNonRoot", "runAsUser", "seccompProfile",
	})
	c.profiles(path, context)
	c.user(path, context)
	c.capabilities(path, context)
	switch {
	case c.policy.PodSecurity == v1alpha1.PodSecurityRestricted:
		c.restricted(path, context, podContext)
	case c.policy.PodSecurity.Contained():
		c.confined(RuleContained, path, context, podContext)
	}
}

// restricted holds a container to Pod Security "restricted".
func (c *check) restricted(path string, context, podContext any) {
	if !slices.Contains(list(field(context, "capabilities"), "drop"), any("ALL")) {
		c.refuse(RuleRestricted, path+".capabilities.drop", "must hold ALL; add it")
	}
	if !isNonRoot(context, podContext) {
		c.refuse(RuleRestricted, path+".runAsNonRoot", "must be true, here or for the pod; set it")
	}
	c.confined(RuleRestricted, path, context, podContext)
}

// confined wants that a container can't gain rights, and may make usual system
// calls only.
func (c *check) confined(rule Rule, path string, context, podContext any) {
	if escalation, given := field(context, "allowPrivilegeEscalation").(bool); !given || escalation {
		c.refuse(rule, path+".allowPrivilegeEscalation", "must be false; set it")
	}
	if text(field(context, "seccompProfile"), "type") == "" && text(field(podContext, "seccompProfile"), "type") == "" {
		c.refuse(rule, path+".seccompProfile", "must be RuntimeDefault, here or for the pod; set its type")
	}
}

// isNonRoot reports whether a container is refused by the node when it would run
// as root.
func isNonRoot(context, podContext any) bool {
	own := field(context, "runAsNonRoot")
	return own == true || own == nil && truth(podContext, "runAsNonRoot")
}

// userNamespace wants that root of a pod is nobody on the node: the pod has a user
// namespace, or nothing in it is root.
func (c *check) userNamespace(path string, spec any) {
	path += ".hostUsers"
	hostUsers, given := field(spec, "hostUsers").(bool)
	if hostUsers {
		c.refuse(RuleUserNamespace, path, "would make the pod's users those of the node; remove it, or let the platform team choose another level in spec.policy.podSecurity of the Cluster or Project")
	}
	if !given && !c.allNonRoot(spec) {
		c.refuse(RuleUserNamespace, path, "must be false where a container may be root; set it, or runAsNonRoot: true for every container")
	}
}

func (c *check) allNonRoot(spec any) bool {
	podContext := field(spec, "securityContext")
	for _, container := range append(slices.Clone(list(spec, "initContainers")), list(spec, "containers")...) {
		if !isNonRoot(field(container, "securityContext"), podContext) {
			return false
		}
	}
	return true
}

// profiles refuses confinement profiles that are not the runtime's own: one of
// the node's files may allow anything.
func (c *check) profiles(path string, context any) {
	for _, name := range []string{"seccompProfile", "appArmorProfile"} {
		kind := text(field(context, name), "type")
		if field(context, name) != nil && kind != "RuntimeDefault" {
			c.refuse(RuleSecurity, join(path, name), "%q may take away the container's confinement; use RuntimeDefault", kind)
		}
	}
}

func (c *check) user(path string, context any) {
	user, given := number(context, "runAsUser")
	if given && user == 0 && c.policy.PodSecurity == v1alpha1.PodSecurityRestricted {
		c.refuse(RuleRoot, path+".runAsUser", "is root; name another user, or let the platform team choose another level in spec.policy.podSecurity of the Cluster or Project")
	}
}

// capabilities refuses what may not be added; Kubernetes names them without
// "CAP_".
func (c *check) capabilities(path string, context any) {
	allowed := c.policy.PodSecurity.Capabilities()
	for i, added := range list(field(context, "capabilities"), "add") {
		if name, _ := added.(string); !slices.Contains(allowed, name) {
			c.refuse(RuleCapability, fmt.Sprintf("%s.capabilities.add[%d]", path, i), "%q is not allowed, only %s; remove it", name, strings.Join(allowed, ", "))
		}
	}
}
