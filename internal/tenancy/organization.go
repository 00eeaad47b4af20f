package tenancy

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/naming"
)

// NewOrganization returns the namespace of an organization, and what gives
// Slipway its rights there.
func NewOrganization(organization string, self Subject) (*corev1.Namespace, []client.Object) {
	labels := map[string]string{
		naming.LabelManagedBy:    naming.ManagedBy,
		naming.LabelOrganization: naming.LabelValue(organization),
	}
	name := naming.OrganizationNamespace(organization)
	namespace := &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
	}
	meta := metav1.ObjectMeta{Name: "slipway", Namespace: name, Labels: labels}
	return namespace, []client.Object{bind(meta, roleOrganization, self)}
}

// NewBuilds returns what gives Slipway its rights in a project's build
// namespace.
func NewBuilds(namespace string, labels map[string]string, self Subject) client.Object {
	return bind(metav1.ObjectMeta{Name: "slipway", Namespace: namespace, Labels: labels}, roleBuild, self)
}

// HostsNamespace is where a cluster keeps which project uses which host.
const HostsNamespace = "slipway-hosts"

// NewHosts returns that namespace, and what gives Slipway its rights there.
// Nobody else has any.
func NewHosts(self Subject) (*corev1.Namespace, []client.Object) {
	labels := map[string]string{naming.LabelManagedBy: naming.ManagedBy}
	namespace := &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: HostsNamespace, Labels: labels},
	}
	meta := metav1.ObjectMeta{Name: "slipway", Namespace: HostsNamespace, Labels: labels}
	return namespace, []client.Object{bind(meta, roleHosts, self)}
}
