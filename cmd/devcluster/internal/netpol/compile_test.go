package netpol

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"
	"sigs.k8s.io/knftables"
	"sigs.k8s.io/yaml"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/golden"
)

func newPod(namespace, name, address string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "one", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "dns", ContainerPort: 53, Protocol: corev1.ProtocolUDP}},
		}}},
		Status: corev1.PodStatus{PodIP: address, Phase: corev1.PodRunning},
	}
}

func newNamespace(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"kubernetes.io/metadata.name": name}}}
}

// world is two namespaces: shop with web, db and a job that ended; other with one pod.
func world(t *testing.T, spec string) Snapshot {
	t.Helper()
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "policy"}}
	if err := yaml.UnmarshalStrict([]byte(spec), &policy.Spec); err != nil {
		t.Fatal(err)
	}
	ended := newPod("shop", "job", "10.0.0.9", map[string]string{"app": "web"})
	ended.Status.Phase = corev1.PodSucceeded
	onNode := newPod("shop", "agent", "10.0.0.1", map[string]string{"app": "web"})
	onNode.Spec.HostNetwork = true
	return Snapshot{
		Pods: []*corev1.Pod{
			newPod("shop", "web", "10.0.0.2", map[string]string{"app": "web"}),
			newPod("shop", "db", "10.0.0.3", map[string]string{"app": "db"}),
			newPod("other", "web", "10.0.0.4", map[string]string{"app": "web"}),
			ended, onNode, newPod("shop", "starting", "", map[string]string{"app": "web"}),
		},
		Namespaces: []*corev1.Namespace{newNamespace("shop"), newNamespace("other")},
		Policies:   []*networkingv1.NetworkPolicy{policy},
	}
}

func compile(t *testing.T, snapshot Snapshot) Ruleset {
	t.Helper()
	rules, err := Compile(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// rulesText is what the packet filter gets.
func rulesText(t *testing.T, rules Ruleset) string {
	t.Helper()
	nft := knftables.NewFake(knftables.IPv4Family, "slipway-netpol")
	if err := nft.Run(t.Context(), Transaction(nft, rules)); err != nil {
		t.Fatal(err)
	}
	return nft.Dump()
}

func TestPolicies(t *testing.T) {
	for name, spec := range map[string]string{
		"deny-all":       `{podSelector: {}, policyTypes: [Ingress, Egress]}`,
		"allow-all":      `{podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}`,
		"egress-only":    `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}, {protocol: SCTP}]}]}`,
		"same-namespace": `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]}`,
		"namespace":      `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}]}`,
		"both-selectors": `{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {app: web}}}]}]}`,
		"blocks":         `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.168.0.0/16]}}, {ipBlock: {cidr: 'fd00::/8'}}], ports: [{port: 8000, endPort: 8010}]}]}`,
		"named-ingress":  `{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress], ingress: [{ports: [{port: http}, {port: dns, protocol: UDP}, {port: dns}]}]}`,
		"named-egress":   `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}, {ipBlock: {cidr: 1.2.3.4/32}}], ports: [{port: http}, {port: 443}]}]}`,
		"unknown-name":   `{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: nothing}]}], egress: [{ports: [{port: nothing}]}]}`,
		"nobody":         `{podSelector: {matchLabels: {app: nothing}}, policyTypes: [Ingress, Egress]}`,
	} {
		t.Run(name, func(t *testing.T) {
			golden.Compare(t, name+".nft", rulesText(t, compile(t, world(t, spec))))
		})
	}
}

func TestDefaultTypes(t *testing.T) {
	ingressOnly := compile(t, world(t, `{podSelector: {}}`))
	if len(ingressOnly.Ingress) == 0 || len(ingressOnly.Egress) != 0 {
		t.Errorf("no types and no egress: %v, want ingress only", ingressOnly)
	}
	both := compile(t, world(t, `{podSelector: {}, egress: [{}]}`))
	if len(both.Ingress) == 0 || len(both.Egress) == 0 {
		t.Errorf("no types but egress: %v, want both", both)
	}
}

func TestTwoPoliciesAddUp(t *testing.T) {
	snapshot := world(t, `{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}`)
	second := snapshot.Policies[0].DeepCopy()
	second.Name, second.Spec = "another", networkingv1.NetworkPolicySpec{}
	if err := yaml.Unmarshal([]byte(`{podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 1}]}]}`), &second.Spec); err != nil {
		t.Fatal(err)
	}
	snapshot.Policies = append(snapshot.Policies, second)
	want := []Rule{{Anyone: true, Ports: []Port{{Protocol: corev1.ProtocolTCP, First: 1, Last: 1}}}}
	for _, address := range []string{"10.0.0.2", "10.0.0.3"} {
		if diff := cmp.Diff(want, compile(t, snapshot).Ingress[netip.MustParseAddr(address)]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
}

func TestAddressesOfStartingPods(t *testing.T) {
	snapshot := world(t, `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}`)
	told := netip.MustParseAddr("10.0.0.7")
	snapshot.Addresses = map[Key]netip.Addr{{"shop", "starting"}: told}
	if _, restricted := compile(t, snapshot).Egress[told]; !restricted {
		t.Error("a pod that is being started isn't restricted")
	}
}

func TestAnAddressBelongsToItsNewestPod(t *testing.T) {
	const address = "10.0.0.3" // db's, which the policy doesn't select
	const spec = `{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{}]}`
	older, newer := metav1.NewTime(time.Unix(1, 0)), metav1.NewTime(time.Unix(2, 0))
	tests := map[string]struct {
		change     func(*Snapshot)
		restricted bool
	}{
		"the restricted pod is newer": {func(s *Snapshot) {
			s.Pods[0].Status.PodIP, s.Pods[0].CreationTimestamp, s.Pods[1].CreationTimestamp = address, newer, older
		}, true},
		"the restricted pod is older": {func(s *Snapshot) {
			s.Pods[0].Status.PodIP, s.Pods[0].CreationTimestamp, s.Pods[1].CreationTimestamp = address, older, newer
		}, false},
		"the plugin knows best": {func(s *Snapshot) {
			s.Pods[0].CreationTimestamp, s.Pods[1].CreationTimestamp = older, newer
			s.Addresses = map[Key]netip.Addr{{"shop", "web"}: netip.MustParseAddr(address)}
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			snapshot := world(t, spec)
			test.change(&snapshot)
			if _, restricted := compile(t, snapshot).Egress[netip.MustParseAddr(address)]; restricted != test.restricted {
				t.Errorf("restricted %v, want %v", restricted, test.restricted)
			}
		})
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pods []*corev1.Pod
		for index := range rapid.IntRange(1, 8).Draw(t, "pods") {
			app := rapid.SampledFrom([]string{"web", "db"}).Draw(t, "app")
			pods = append(pods, newPod("shop", fmt.Sprint(index), fmt.Sprintf("10.0.0.%d", index+2), map[string]string{"app": app}))
		}
		policy := func(name, app string) *networkingv1.NetworkPolicy {
			return &networkingv1.NetworkPolicy{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
				Spec: networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{{
					From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}},
				}}},
			}
		}
		policies := []*networkingv1.NetworkPolicy{policy("a", "web"), policy("b", "db")}
		shuffled := Snapshot{Pods: rapid.Permutation(pods).Draw(t, "order"), Policies: rapid.Permutation(policies).Draw(t, "policies")}
		first, err := Compile(Snapshot{Pods: pods, Policies: policies})
		if err != nil {
			t.Fatal(err)
		}
		second, err := Compile(shuffled)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("differs:\n%s", diff)
		}
		if len(first.Ingress) != len(pods) {
			t.Errorf("%d pods restricted, want %d", len(first.Ingress), len(pods))
		}
	})
}
