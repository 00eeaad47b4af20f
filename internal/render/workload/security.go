package workload

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/slipway-dev/slipway/internal/project"
)

// nobody is the user that containers run as unless the service says
// otherwise: the "nonroot" user of distroless and similar images. A number is
// needed, because Kubernetes can't tell whether a user's name means root, and
// most images name none. Volumes belong to the same group.
const nobody = 65532

func podSecurity(s project.Service) *corev1.PodSecurityContext {
	context := &corev1.PodSecurityContext{
		RunAsNonRoot:        new(!asRoot(s)),
		SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		FSGroupChangePolicy: new(corev1.FSGroupChangeOnRootMismatch),
	}
	user := userOf(s)
	context.RunAsUser = &user
	if user != 0 {
		context.RunAsGroup = &user
		context.FSGroup = &user
	}
	for _, port := range ports(s) {
		if port < 1024 && !asRoot(s) {
			// A safe sysctl: it counts only in the pod's own network namespace.
			context.Sysctls = []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}}
		}
	}
	if len(s.Volumes) == 0 {
		context.FSGroupChangePolicy = nil
	}
	return context
}

func containerSecurity(s project.Service) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false),
		ReadOnlyRootFilesystem:   new(!writableRoot(s)),
		Capabilities:             capabilities(s),
	}
}

func capabilities(s project.Service) *corev1.Capabilities {
	dropped := &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}
	if s.Security == nil {
		return dropped
	}
	for _, name := range slices.Sorted(slices.Values(s.Security.Capabilities)) {
		dropped.Add = append(dropped.Add, corev1.Capability(name))
	}
	return dropped
}

func asRoot(s project.Service) bool {
	if s.Security == nil {
		return false
	}
	return s.Security.RunAsRoot || s.Security.RunAsUser != nil && *s.Security.RunAsUser == 0
}

func userOf(s project.Service) int64 {
	switch {
	case asRoot(s):
		return 0
	case s.Security != nil && s.Security.RunAsUser != nil:
		return *s.Security.RunAsUser
	}
	return nobody
}

func writableRoot(s project.Service) bool {
	return s.Security != nil && s.Security.WritableRoot
}

func serviceTokens(s project.Service) bool {
	return s.Security != nil && s.Security.ServiceTokens
}
