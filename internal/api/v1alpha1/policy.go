package v1alpha1

import (
	"cmp"
	"slices"
)

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
	// RuntimeClasses are the runtime classes that pods may have; empty allows only
	// the nodes' default.
	// +optional
	// +listType=set
	RuntimeClasses []string `json:"runtimeClasses,omitempty"`
	// Allow are permissions that pods of stages have, whatever source they come from.
	// +optional
	// +listType=set
	Allow []Permission `json:"allow,omitempty"`
	// Quota bounds the objects of each stage.
	// +optional
	Quota Quota `json:"quota,omitempty"`
	// HostUsers lets pods run without a user namespace, for clusters whose nodes
	// have none: builds, and stages of the level contained, which are held to
	// baseline then.
	// +optional
	HostUsers bool `json:"hostUsers,omitempty"`
}

// ProjectPolicy is what differs for one project from its cluster's policy.
type ProjectPolicy struct {
	// PodSecurity is the level that pods of the project's stages are held to; empty
	// means the cluster's.
	// +optional
	PodSecurity PodSecurity `json:"podSecurity,omitempty"`
	// Allow are permissions that pods of the project's stages have besides the
	// cluster's.
	// +optional
	// +listType=set
	Allow []Permission `json:"allow,omitempty"`
	// Quota bounds the objects of each of the project's stages; what is left out is
	// the cluster's.
	// +optional
	Quota Quota `json:"quota,omitempty"`
}

// Permission is something that pods have only where the platform team allows it.
//
// +kubebuilder:validation:Enum=serviceTokens;nodeSelection;tolerations;topology;dns;hostAliases
type Permission string

// The permissions; docs/guard.md says what each lets pods do.
const (
	PermissionServiceTokens Permission = "serviceTokens"
	PermissionNodeSelection Permission = "nodeSelection"
	PermissionTolerations   Permission = "tolerations"
	PermissionTopology      Permission = "topology"
	PermissionDNS           Permission = "dns"
	PermissionHostAliases   Permission = "hostAliases"
)

// Quota bounds the objects of one stage. What is left out has the default.
type Quota struct {
	// Pods is the number of pods; default 200.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Pods int32 `json:"pods,omitempty"`
	// Jobs is the number of Jobs, finished ones included; default 500.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Jobs int32 `json:"jobs,omitempty"`
	// ConfigMaps is the number of ConfigMaps; default 1000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	ConfigMaps int32 `json:"configMaps,omitempty"`
	// Secrets is the number of Secrets; default 1000.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Secrets int32 `json:"secrets,omitempty"`
	// Services is the number of Kubernetes Services; default 500.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Services int32 `json:"services,omitempty"`
	// EphemeralStorage is the sum of what containers may write to their root file
	// systems, empty directories and logs, a quantity; default 800Gi. A container
	// that names no limit may write 4Gi.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9]+(\\.[0-9]+)?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$`
	EphemeralStorage string `json:"ephemeralStorage,omitempty"`
}

// over returns the quota with what it leaves out taken from another.
func (q Quota) over(below Quota) Quota {
	return Quota{
		Pods: cmp.Or(q.Pods, below.Pods), Jobs: cmp.Or(q.Jobs, below.Jobs), ConfigMaps: cmp.Or(q.ConfigMaps, below.ConfigMaps),
		Secrets: cmp.Or(q.Secrets, below.Secrets), Services: cmp.Or(q.Services, below.Services),
		EphemeralStorage: cmp.Or(q.EphemeralStorage, below.EphemeralStorage),
	}
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

// For returns the policy that a project's stages are held to, with the level, the
// permissions and the quota that are in force there.
func (p ClusterPolicy) For(project ProjectPolicy) ClusterPolicy {
	p.PodSecurity = cmp.Or(project.PodSecurity, p.PodSecurity, PodSecurityContained)
	if p.PodSecurity == PodSecurityContained && p.HostUsers {
		p.PodSecurity = PodSecurityBaseline
	}
	allow := append(slices.Clone(p.Allow), project.Allow...)
	slices.Sort(allow)
	p.Allow = slices.Compact(allow)
	p.Quota = project.Quota.over(p.Quota).over(defaultQuota())
	return p
}

// ForFork returns the policy without what was permitted to the project's own code.
func (p ClusterPolicy) ForFork() ClusterPolicy {
	p.Allow, p.PriorityClasses, p.RuntimeClasses = nil, nil, nil
	return p
}

func defaultQuota() Quota {
	return Quota{Pods: 200, Jobs: 500, ConfigMaps: 1000, Secrets: 1000, Services: 500, EphemeralStorage: "800Gi"}
}

// Allows reports whether pods have a permission.
func (p ClusterPolicy) Allows(permission Permission) bool {
	return slices.Contains(p.Allow, permission)
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
