package kaniko

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/slipway-dev/slipway/internal/naming"
)

// NewNamespace returns the namespace that a project's images are built in. Its
// pods need root in their container, so it enforces Pod Security baseline and
// not restricted; nothing else ever runs there.
func NewNamespace(organization, project string) *corev1.Namespace {
	const security = "pod-security.kubernetes.io/"
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{
			Name: naming.BuildNamespace(organization, project),
			Labels: map[string]string{
				naming.LabelManagedBy:        naming.ManagedBy,
				naming.LabelOrganization:     naming.LabelValue(organization),
				naming.LabelProject:          naming.LabelValue(project),
				security + "enforce":         "baseline",
				security + "enforce-version": "latest",
			},
		},
	}
}

// NewNetworkPolicy returns the policy of a build namespace: nothing comes in;
// out go name lookups, whatever peers allows (Slipway, the registry and its
// mirrors inside the cluster), and everything but the blocked networks: name
// the cluster's own pod, Service and node networks there. Link-local
// addresses, where clouds serve credentials, are always blocked.
func NewNetworkPolicy(organization, project string, blocked []string, peers []networkingv1.NetworkPolicyPeer) *networkingv1.NetworkPolicy {
	space := NewNamespace(organization, project)
	outside := []networkingv1.NetworkPolicyPeer{
		{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: append([]string{"169.254.0.0/16"}, family(blocked, false)...)}},
		{IPBlock: &networkingv1.IPBlock{CIDR: "::/0", Except: append([]string{"fe80::/10"}, family(blocked, true)...)}},
	}
	return &networkingv1.NetworkPolicy{
		TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{
			Name:      "build",
			Namespace: space.Name,
			Labels: map[string]string{
				naming.LabelManagedBy:    naming.ManagedBy,
				naming.LabelOrganization: space.Labels[naming.LabelOrganization],
				naming.LabelProject:      space.Labels[naming.LabelProject],
			},
		},
		Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Egress: []networkingv1.NetworkPolicyEgressRule{
				{Ports: []networkingv1.NetworkPolicyPort{dns(corev1.ProtocolUDP), dns(corev1.ProtocolTCP)}},
				{To: append(outside, peers...)},
			},
		},
	}
}

func dns(protocol corev1.Protocol) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: ptr.To(protocol), Port: ptr.To(intstr.FromInt32(53))}
}

// family returns the networks of IPv6, or those of IPv4.
func family(networks []string, six bool) []string {
	var found []string
	for _, network := range networks {
		if strings.Contains(network, ":") == six {
			found = append(found, network)
		}
	}
	return found
}
