package guard

import (
	"fmt"
	"strings"

	"github.com/distribution/reference"
)

// container checks one container.
func (c *check) container(path string, container, podContext any) {
	c.only(RulePod, path, container, containerFields())
	c.image(path+".image", text(container, "image"))
	for i, port := range list(container, "ports") {
		if set(port, "hostPort") || set(port, "hostIP") {
			c.refuse(RuleNode, fmt.Sprintf("%s.ports[%d].hostPort", path, i), "would take a port of the node; remove it")
		}
	}
	for i, mount := range list(container, "volumeMounts") {
		if mode := text(mount, "mountPropagation"); mode != "" && mode != "None" {
			c.refuse(RuleVolume, fmt.Sprintf("%s.volumeMounts[%d].mountPropagation", path, i), "shares mounts with the node; remove it")
		}
		if set(mount, "bindMountOptions") {
			c.refuse(RuleVolume, fmt.Sprintf("%s.volumeMounts[%d].bindMountOptions", path, i), "changes how the node mounts; remove it")
		}
	}
	if set(container, "volumeDevices") {
		c.refuse(RuleVolume, path+".volumeDevices", "is a raw device, which may show what others left on it; mount the volume")
	}
	if set(field(container, "resources"), "claims") {
		c.refuse(RuleNode, path+".resources.claims", "takes devices of the node; remove it")
	}
	for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		c.call(join(path, name), field(container, name))
	}
	for _, name := range []string{"postStart", "preStop"} {
		c.call(path+".lifecycle."+name, at(container, "lifecycle", name))
	}
	c.containerSecurity(path+".securityContext", field(container, "securityContext"), podContext)
}

// containerFields are the fields of a container that are harmless or looked
// at.
func containerFields() []string {
	return []string{
		"args", "command", "env", "envFrom", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "name", "ports",
		"readinessProbe", "resizePolicy", "resources", "restartPolicy", "restartPolicyRules", "securityContext", "startupProbe",
		"stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts",
		"workingDir",
	}
}

// call refuses probes and hooks that make the node call another address than
// the pod's.
func (c *check) call(path string, handler any) {
	for _, kind := range []string{"httpGet", "tcpSocket"} {
		if set(field(handler, kind), "host") {
			c.refuse(RuleProbe, path+"."+kind+".host", "would make the node call that host; leave it out, the pod is called")
		}
	}
}

// image checks that an image is named by digest and comes from where it may.
func (c *check) image(path, image string) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		c.refuse(RuleImage, path, "%q is no image reference; correct it", image)
		return
	}
	if c.policy.Foreign(image) {
		c.refuseForeign(path, named.Name())
		return
	}
	if _, byDigest := named.(reference.Digested); !byDigest {
		c.refuse(RuleImageDigest, path, "%s has no digest, and tags move; add @sha256:…, or let Slipway resolve it", image)
	}
	if len(c.policy.Registries) == 0 {
		return
	}
	for _, allowed := range c.policy.Registries {
		allowed = strings.TrimSuffix(allowed, "/")
		if allowed != "" && (named.Name() == allowed || strings.HasPrefix(named.Name(), allowed+"/")) {
			return
		}
	}
	c.refuse(RuleImageRegistry, path, "%s may not be used; push it to one of: %s", named.Name(), strings.Join(c.policy.Registries, ", "))
}
