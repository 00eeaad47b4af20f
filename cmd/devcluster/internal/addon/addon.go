package addon

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Namespace holds all add-ons.
const Namespace = "kube-system"

// PolicyUser is the network policy agent's name at the API server.
const PolicyUser = "slipway:netpol"

// Config is what the objects depend on.
type Config struct {
	// DNSImage and IngressImage are references in the cluster's registry.
	DNSImage, IngressImage string
	// IngressPort is the ingress's on the bridge.
	IngressPort int
	// IngressSupportPort is where the ingress answers for itself, on loopback.
	IngressSupportPort int
}

// Objects returns everything that runs as pods, in the order in which it is applied.
func (c Config) Objects() []runtime.Object { return append(c.dns(), c.ingress()...) }

// PolicyAgent lets the agent, which runs beside the kubelet, see what it needs.
func PolicyAgent() []runtime.Object {
	const name = "slipway-netpol"
	rules := []rbacv1.PolicyRule{
		read("", "pods", "namespaces"),
		read("networking.k8s.io", "networkpolicies"),
	}
	return []runtime.Object{
		clusterRole(name, rules),
		clusterRoleBinding(name, rbacv1.Subject{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: PolicyUser}),
	}
}

// read is the right to see objects and their changes.
func read(group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"get", "list", "watch"}}
}

func clusterRole(name string, rules []rbacv1.PolicyRule) *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      rules,
	}
}

func clusterRoleBinding(name string, subject rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		Subjects:   []rbacv1.Subject{subject},
	}
}

func serviceAccount(name string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: Namespace},
	}
}

func accountSubject(name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: Namespace}
}

// unprivileged is how every add-on's container runs.
func unprivileged() *corev1.SecurityContext {
	user, no, yes := int64(65532), false, true
	return &corev1.SecurityContext{
		RunAsUser: &user, RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}
