package tenancy

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/naming"
	"github.com/slipway-dev/slipway/internal/project"
)

// Names of cluster roles that the chart installs.
const (
	roleOrganization = "slipway-organization"
	roleBuild        = "slipway-build"
	roleStage        = "slipway-stage"
	roleHosts        = "slipway-hosts"
)

// Stage is what a stage's namespace is made from.
type Stage struct {
	Organization string
	Project      string
	Stage        string
	Namespace    string
	// Resources bounds the sum of the stage's requests; empty is unbounded.
	Resources project.Resources
	// Policy is what the stage is held to.
	Policy v1alpha1.ClusterPolicy
	// Closed is true when the stage's pods reach nothing but each other.
	Closed bool
	// Registry holds the images of all projects on the cluster.
	Registry v1alpha1.Registry
	// IngressNamespace is where the ingress controller's pods run, and
	// IngressNetworks where it is when it runs elsewhere (CIDR). Both may be
	// empty: most networks let a controller on the node through.
	IngressNamespace string
	IngressNetworks  []string
	// GateNamespace is where the gate's pods run; empty when it is not in front.
	GateNamespace string
}

// Labels returns the labels of everything that belongs to the stage.
func (s Stage) Labels() map[string]string {
	return map[string]string{
		naming.LabelManagedBy:    naming.ManagedBy,
		naming.LabelOrganization: naming.LabelValue(s.Organization),
		naming.LabelProject:      naming.LabelValue(s.Project),
		naming.LabelStage:        naming.LabelValue(s.Stage),
	}
}

// NewNamespace returns the stage's namespace. Its labels say what is enforced
// of its pods: a Pod Security standard by Kubernetes, and what the level demands
// beyond it by the chart's admission policies.
func NewNamespace(s Stage) *corev1.Namespace {
	level := s.Policy.PodSecurity
	standard := level
	if level.Contained() {
		standard = v1alpha1.PodSecurityBaseline
	}
	labels := s.Labels()
	labels[naming.LabelPodSecurity] = string(level)
	labels["pod-security.kubernetes.io/enforce"] = string(standard)
	labels["pod-security.kubernetes.io/warn"] = string(standard)
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Namespace, Labels: labels, Annotations: s.allowed()},
	}
}

// allowed tells the chart's admission policies what pods of the stage may have
// beyond others, and which images of the cluster's registry they may use.
func (s Stage) allowed() map[string]string {
	var all []string
	for _, permission := range s.Policy.Allow {
		all = append(all, string(permission))
	}
	for _, class := range s.Policy.PriorityClasses {
		all = append(all, "priorityClass/"+class)
	}
	for _, class := range s.Policy.RuntimeClasses {
		all = append(all, "runtimeClass/"+class)
	}
	annotations := map[string]string{}
	if len(all) > 0 {
		annotations[naming.AnnotationAllow] = strings.Join(all, ",")
	}
	if root := s.Registry.Root(); root != "" {
		var open []string
		for _, path := range s.Registry.Open(s.Organization, s.Project) {
			open = append(open, v1alpha1.ImagePath(path))
		}
		annotations[naming.AnnotationRegistry] = v1alpha1.ImagePath(root)
		annotations[naming.AnnotationImages] = strings.Join(open, ",")
	}
	return annotations
}

// Objects returns what the stage's namespace holds before anything of the
// team's is put there.
func Objects(s Stage) ([]client.Object, error) {
	quota, err := newQuota(s)
	if err != nil {
		return nil, err
	}
	objects := []client.Object{newServiceAccount(s), newDefaultAccount(s), newRoleBinding(s), quota, newLimitRange(s)}
	for _, policy := range newNetworkPolicies(s) {
		objects = append(objects, policy)
	}
	return objects, nil
}

func (s Stage) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: s.Namespace, Labels: s.Labels()}
}

// newServiceAccount returns the account that writes to the stage.
func newServiceAccount(s Stage) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   s.meta(naming.StageServiceAccount),
		AutomountServiceAccountToken: new(false),
	}
}

// newDefaultAccount returns the account of pods that name none. They get no token
// of it unless pods may.
func newDefaultAccount(s Stage) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:                     metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta:                   s.meta("default"),
		AutomountServiceAccountToken: new(s.Policy.Allows(v1alpha1.PermissionServiceTokens)),
	}
}

func newRoleBinding(s Stage) *rbacv1.RoleBinding {
	return bind(s.meta(naming.StageServiceAccount), roleStage, Subject{Namespace: s.Namespace, Name: naming.StageServiceAccount})
}

// Subject is a service account.
type Subject struct{ Namespace, Name string }

func bind(meta metav1.ObjectMeta, role string, subject Subject) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "RoleBinding"},
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "ClusterRole", Name: role},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: subject.Namespace, Name: subject.Name}},
	}
}

// PrivateNetworks are where clusters and their neighbours live.
func PrivateNetworks() (v4, v6 []string) {
	return []string{"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"},
		[]string{"fc00::/7", "fe80::/10"}
}

// newNetworkPolicies closes the stage off: in come the ingress controller and
// the stage's own pods, out go name lookups, the stage's own pods and, unless it is
// closed, the internet.
func newNetworkPolicies(s Stage) []*networkingv1.NetworkPolicy {
	v4, v6 := PrivateNetworks()
	own := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{}}
	dns := networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"}},
		PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}},
	}
	egress := []networkingv1.NetworkPolicyEgressRule{
		{To: []networkingv1.NetworkPolicyPeer{own}},
		{To: []networkingv1.NetworkPolicyPeer{dns}},
	}
	if !s.Closed {
		egress = append(egress, networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{
			{IPBlock: &networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: v4}},
			{IPBlock: &networkingv1.IPBlock{CIDR: "::/0", Except: v6}},
		}})
	}
	policies := []*networkingv1.NetworkPolicy{
		newPolicy(s, "slipway-deny", networkingv1.NetworkPolicySpec{}),
		newPolicy(s, "slipway-own", networkingv1.NetworkPolicySpec{
			Ingress: []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{own}}},
			Egress:  egress,
		}),
	}
	if from := ingressPeers(s); len(from) > 0 {
		policies = append(policies, newPolicy(s, "slipway-ingress", networkingv1.NetworkPolicySpec{
			Ingress: []networkingv1.NetworkPolicyIngressRule{{From: from}},
		}))
	}
	return policies
}

func ingressPeers(s Stage) []networkingv1.NetworkPolicyPeer {
	var peers []networkingv1.NetworkPolicyPeer
	for _, namespace := range []string{s.IngressNamespace, s.GateNamespace} {
		if namespace != "" {
			peers = append(peers, networkingv1.NetworkPolicyPeer{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}},
			})
		}
	}
	for _, network := range s.IngressNetworks {
		peers = append(peers, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: network}})
	}
	return peers
}

// newPolicy returns a policy for all pods of the stage. One without rules for
// a direction says nothing about it, except the one that denies both.
func newPolicy(s Stage, name string, spec networkingv1.NetworkPolicySpec) *networkingv1.NetworkPolicy {
	if spec.Ingress != nil || spec.Egress == nil {
		spec.PolicyTypes = append(spec.PolicyTypes, networkingv1.PolicyTypeIngress)
	}
	if spec.Egress != nil || spec.Ingress == nil {
		spec.PolicyTypes = append(spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	}
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: s.meta(name),
		Spec:       spec,
	}
}

// String names the stage.
func (s Stage) String() string {
	return fmt.Sprintf("stage %s of project %s/%s", s.Stage, s.Organization, s.Project)
}
