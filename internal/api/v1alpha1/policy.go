package v1alpha1

import "cmp"

// ClusterPolicy bounds what projects on a cluster may do.
type ClusterPolicy struct {
	// Kinds are further namespaced kinds that projects may apply, each
	// "Kind.group" or "Kind" for the core group.
	// +optional
	// +listType=set
	Kinds []string `json:"kinds,omitempty"`
	// Images are registries (host, or host/path) that images may come from,
	// besides the cluster's own; empty allows any.
	// +optional
	// +listType=set
	Images []string `json:"images,omitempty"`
	// PodSecurity is the level that pods of stages are held to: "contained" (the
	// default), "restricted" or "baseline".
	// +optional
	PodSecurity PodSecurity `json:"podSecurity,omitempty"`
	// Metadata are keys of labels and annotations that projects may set
	// besides the usual ones: a key, or "prefix/*". Name only what no
	// controller of the cluster acts upon with rights of its own.
	// +optional
	// +listType=set
	Metadata []string `json:"metadata,omitempty"`
	// PriorityClasses are the priority classes that pods may have; empty allows
	// only the cluster's default.
	// +optional
	// +listType=set
	PriorityClasses []string `json:"priorityClasses,omitempty"`
	// HostUsers lets pods run without a user namespace, for clusters whose nodes
	// have none: builds, and stages of the level contained, which are held to
	// baseline then.
	// +optional
	HostUsers bool `json:"hostUsers,omitempty"`
}

// ProjectPolicy is what the platform team allows one project, or takes from it.
type ProjectPolicy struct {
	// PodSecurity is the level that pods of the project's stages are held to; empty
	// means the cluster's.
	// +optional
	PodSecurity PodSecurity `json:"podSecurity,omitempty"`
}

// PodSecurity is how far pods are kept from their node.
//
// +kubebuilder:validation:Enum=contained;restricted;baseline
type PodSecurity string

// The levels. The empty one is contained.
const (
	// PodSecurityContained runs pods as their images say, in a user namespace,
	// without privilege escalation and with few capabilities.
	PodSecurityContained PodSecurity = "contained"
	// PodSecurityRestricted is the Pod Security standard "restricted": no root.
	PodSecurityRestricted PodSecurity = "restricted"
	// PodSecurityBaseline is the Pod Security standard "baseline": root of a
	// container is the node's root behind the container's walls.
	PodSecurityBaseline PodSecurity = "baseline"
)

// PodSecurityFor returns the level of a project's stages.
func (p ClusterPolicy) PodSecurityFor(project ProjectPolicy) PodSecurity {
	level := cmp.Or(project.PodSecurity, p.PodSecurity, PodSecurityContained)
	if level == PodSecurityContained && p.HostUsers {
		return PodSecurityBaseline
	}
	return level
}

// Contained reports whether the level is contained.
func (l PodSecurity) Contained() bool { return l == PodSecurityContained || l == "" }

// Capabilities returns the capabilities that a container may add.
func (l PodSecurity) Capabilities() []string {
	switch l {
	case PodSecurityRestricted:
		return []string{"NET_BIND_SERVICE"}
	case PodSecurityBaseline:
		return append(DefaultCapabilities(), "AUDIT_WRITE", "MKNOD", "SETFCAP", "SYS_CHROOT")
	}
	return DefaultCapabilities()
}

// DefaultCapabilities are those that containers have unless they are restricted:
// what images need that start as root and drop to another user.
func DefaultCapabilities() []string {
	return []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETPCAP", "SETUID"}
}
