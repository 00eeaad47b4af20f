package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"
)

// pods checks a pod template.
func (c *check) pods(path ...string) {
	prefix := strings.Join(path, ".") + ".spec"
	spec := at(c.object.Object, append(path, "spec")...)
	for _, name := range []string{"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} {
		if truth(spec, name) {
			c.refuse("host", prefix+"."+name, "would share what belongs to the node or to other containers; remove it")
		}
	}
	for _, name := range []string{"nodeName", "hostAliases", "ephemeralContainers"} {
		if present(spec, name) {
			c.refuse("placement", prefix+"."+name, "is not allowed in a stage; remove it")
		}
	}
	if account := text(spec, "serviceAccountName"); account == "slipway-stage" {
		c.refuse("service-account", prefix+".serviceAccountName", "slipway-stage may write everything in the stage; use an account of the service's own")
	}
	if class := text(spec, "priorityClassName"); strings.HasPrefix(class, "system-") {
		c.refuse("priority", prefix+".priorityClassName", "%s is the cluster's own; remove it", class)
	}
	c.podSecurity(prefix+".securityContext", field(spec, "securityContext"))
	for i, volume := range list(spec, "volumes") {
		c.volume(fmt.Sprintf("%s.volumes[%d]", prefix, i), volume)
	}
	for _, kind := range []string{"initContainers", "containers"} {
		for i, container := range list(spec, kind) {
			c.container(fmt.Sprintf("%s.%s[%d]", prefix, kind, i), container, field(spec, "securityContext"))
		}
	}
}

// allowedVolumes are the kinds of volumes a pod may mount.
func allowedVolumes() []string {
	return []string{"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI", "ephemeral"}
}

func (c *check) volume(at string, volume any) {
	fields, _ := volume.(map[string]any)
	for kind := range fields {
		if kind != "name" && !slices.Contains(allowedVolumes(), kind) {
			c.refuse("volume", at+"."+kind, "is not allowed; use a configMap, secret, emptyDir or persistentVolumeClaim")
		}
	}
	for i, source := range list(field(volume, "projected"), "sources") {
		if present(source, "serviceAccountToken") && !c.policy.Root {
			c.refuse("token", fmt.Sprintf("%s.projected.sources[%d].serviceAccountToken", at, i), "would give the pod a token for the cluster; remove it")
		}
	}
}

// podSecurity checks a pod's security context.
func (c *check) podSecurity(at string, context any) {
	for _, name := range []string{"sysctls", "seLinuxOptions", "windowsOptions"} {
		if present(context, name) {
			c.refuse("security", at+"."+name, "is not allowed in a stage; remove it")
		}
	}
	c.profile(at, context)
	c.user(at, context)
}

// container checks one container.
func (c *check) container(at string, container, podContext any) {
	c.image(at+".image", text(container, "image"))
	for i, port := range list(container, "ports") {
		if present(port, "hostPort") || present(port, "hostIP") {
			c.refuse("host", fmt.Sprintf("%s.ports[%d].hostPort", at, i), "would take a port of the node; remove it")
		}
	}
	context := field(container, "securityContext")
	at += ".securityContext"
	if truth(context, "privileged") {
		c.refuse("privileged", at+".privileged", "would make the container root on the node; remove it")
	}
	if mount := text(context, "procMount"); mount != "" && mount != "Default" {
		c.refuse("security", at+".procMount", "%s shows the node; remove it", mount)
	}
	for _, name := range []string{"seLinuxOptions", "windowsOptions"} {
		if present(context, name) {
			c.refuse("security", at+"."+name, "is not allowed in a stage; remove it")
		}
	}
	c.profile(at, context)
	c.user(at, context)
	c.capabilities(at, context)
	if !c.policy.Root {
		c.restricted(at, context, podContext)
	}
}

// restricted holds a container to Pod Security "restricted".
func (c *check) restricted(at string, context, podContext any) {
	if escalation, set := field(context, "allowPrivilegeEscalation").(bool); !set || escalation {
		c.refuse("restricted", at+".allowPrivilegeEscalation", "must be false")
	}
	if !slices.Contains(list(field(context, "capabilities"), "drop"), any("ALL")) {
		c.refuse("restricted", at+".capabilities.drop", "must hold ALL")
	}
	if !truth(context, "runAsNonRoot") && (!truth(podContext, "runAsNonRoot") || field(context, "runAsNonRoot") != nil) {
		c.refuse("restricted", at+".runAsNonRoot", "must be true, here or for the pod")
	}
	if !present(context, "seccompProfile") && !present(podContext, "seccompProfile") {
		c.refuse("restricted", at+".seccompProfile", "must be RuntimeDefault, here or for the pod")
	}
}

func (c *check) profile(at string, context any) {
	for _, name := range []string{"seccompProfile", "appArmorProfile"} {
		if text(field(context, name), "type") == "Unconfined" {
			c.refuse("security", at+"."+name, "Unconfined takes away the container's confinement; use RuntimeDefault")
		}
	}
}

func (c *check) user(at string, context any) {
	if c.policy.Root {
		return
	}
	switch user := field(context, "runAsUser").(type) {
	case int64:
		if user == 0 {
			c.refuse("root", at+".runAsUser", "is root; name another user, or let the platform team allow root in the Cluster's spec.policy.root")
		}
	case float64:
		if user == 0 {
			c.refuse("root", at+".runAsUser", "is root; name another user, or let the platform team allow root in the Cluster's spec.policy.root")
		}
	}
}

// baselineCapabilities may be added under Pod Security "baseline".
func baselineCapabilities() []string {
	return []string{"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
}

func (c *check) capabilities(at string, context any) {
	for i, added := range list(field(context, "capabilities"), "add") {
		name, _ := added.(string)
		allowed := name == "NET_BIND_SERVICE" || c.policy.Root && slices.Contains(baselineCapabilities(), name)
		if !allowed {
			c.refuse("capability", fmt.Sprintf("%s.capabilities.add[%d]", at, i), "%s is not allowed; remove it", name)
		}
	}
}

// image checks that an image is named by digest and comes from where it may.
func (c *check) image(at, image string) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		c.refuse("image", at, "%q is no image reference; correct it", image)
		return
	}
	if _, byDigest := named.(reference.Digested); !byDigest {
		c.refuse("image-digest", at, "%s has no digest", image)
	}
	if len(c.policy.Registries) == 0 {
		return
	}
	for _, allowed := range c.policy.Registries {
		if named.Name() == allowed || strings.HasPrefix(named.Name(), strings.TrimSuffix(allowed, "/")+"/") {
			return
		}
	}
	c.refuse("image-registry", at, "%s may not be used: images come from %s", named.Name(), strings.Join(c.policy.Registries, ", "))
}
