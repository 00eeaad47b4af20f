package workload

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/project"
)

// nobody is the user that restricted containers run as unless the service or its
// image says otherwise: the "nonroot" user of distroless and similar images. A number is
// needed, because Kubernetes can't tell whether a user's name means root, and
// most images name none.
//
// It is also the group of volumes whose service names no user: an image that
// isn't root's can write to them, and one that is may do so anyway.
const nobody int64 = 65532

func podSecurity(in Input) *corev1.PodSecurityContext {
	context := &corev1.PodSecurityContext{
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	user := userOf(in)
	if user != nil {
		context.RunAsUser = user
		context.RunAsNonRoot = new(*user != 0)
	}
	if user == nil && imageUser(in) != 0 {
		context.RunAsNonRoot = new(true)
	}
	if user != nil && *user != 0 {
		context.RunAsGroup, context.FSGroup = user, user
	}
	volumes := len(in.Service.Volumes) > 0 || len(in.Claims) > 0
	if user == nil && volumes {
		context.FSGroup = new(nobody)
	}
	if volumes {
		context.FSGroupChangePolicy = new(corev1.FSGroupChangeOnRootMismatch)
	}
	for _, port := range ports(in.Service) {
		if port < 1024 && (user == nil || *user != 0) {
			// A safe sysctl: it counts only in the pod's own network namespace.
			context.Sysctls = []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}}
		}
	}
	return context
}

func containerSecurity(in Input) *corev1.SecurityContext {
	context := &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		Capabilities:             capabilities(in),
	}
	if !writableRoot(in) {
		context.ReadOnlyRootFilesystem = new(true)
	}
	return context
}

// capabilities drops all but what an image needs that starts as root, and what
// the service asks for. Another user could not use them. What the service itself drops
// it does not get: "ALL" leaves what it asks for.
func capabilities(in Input) *corev1.Capabilities {
	var added []string
	if user := userOf(in); user == nil || *user == 0 && in.PodSecurity != v1alpha1.PodSecurityRestricted {
		added = v1alpha1.DefaultCapabilities()
	}
	if slices.Contains(in.Drop, "ALL") {
		added = nil
	}
	if s := in.Service.Security; s != nil {
		added = append(added, s.Capabilities...)
	}
	added = slices.DeleteFunc(added, func(name string) bool { return slices.Contains(in.Drop, name) })
	slices.Sort(added)
	capabilities := &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	for _, name := range slices.Compact(added) {
		capabilities.Add = append(capabilities.Add, corev1.Capability(name))
	}
	return capabilities
}

// userOf returns the user that containers run as, nil for the image's.
func userOf(in Input) *int64 {
	s := in.Service.Security
	switch {
	case s != nil && s.RunAsRoot:
		return new(int64(0))
	case s != nil && s.RunAsUser != nil:
		return s.RunAsUser
	case in.PodSecurity == v1alpha1.PodSecurityRestricted:
		return new(cmp.Or(imageUser(in), nobody))
	}
	return nil
}

// imageUser returns the number of the user that the image itself runs as, 0 when it
// is root or isn't known.
func imageUser(in Input) int64 {
	if in.Config == nil {
		return 0
	}
	return in.Config.UserID()
}

// writableRoot reports whether containers may write to their root file system.
func writableRoot(in Input) bool {
	if s := in.Service.Security; s != nil && s.WritableRoot != nil {
		return *s.WritableRoot
	}
	return in.PodSecurity != v1alpha1.PodSecurityRestricted
}

func serviceTokens(s project.Service) bool {
	return s.Security != nil && s.Security.ServiceTokens
}
