package netpol

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Compile turns policies into rules by address. It is pure: the same snapshot
// gives the same rules. A selector that can't be read is an error, because
// leaving its policy out would open what it closes; the API server admits none.
func Compile(snapshot Snapshot) (Ruleset, error) {
	compiler := newCompiler(snapshot)
	rules := Ruleset{Ingress: map[netip.Addr][]Rule{}, Egress: map[netip.Addr][]Rule{}}
	for _, policy := range sorted(snapshot.Policies) {
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			return Ruleset{}, fmt.Errorf("read pod selector of policy %s/%s: %w", policy.Namespace, policy.Name, err)
		}
		for _, subject := range compiler.pods {
			if subject.namespace != policy.Namespace || !selector.Matches(subject.labels) {
				continue
			}
			if err := compiler.restrict(&rules, policy, subject); err != nil {
				return Ruleset{}, fmt.Errorf("read policy %s/%s: %w", policy.Namespace, policy.Name, err)
			}
		}
	}
	return rules, nil
}

// compiler holds the snapshot in the form that rules need.
type compiler struct {
	pods       []pod
	namespaces map[string]labels.Set
}

type pod struct {
	namespace string
	labels    labels.Set
	address   netip.Addr
	ports     []corev1.ContainerPort
}

func newCompiler(snapshot Snapshot) *compiler {
	made := &compiler{namespaces: map[string]labels.Set{}}
	for _, namespace := range snapshot.Namespaces {
		made.namespaces[namespace.Name] = namespace.Labels
	}
	for _, object := range newestOwners(snapshot) {
		if subject, has := describe(object, snapshot.Addresses); has {
			made.pods = append(made.pods, subject)
		}
	}
	slices.SortFunc(made.pods, func(a, b pod) int { return a.address.Compare(b.address) })
	return made
}

// newestOwners leaves out pods whose address was given to another meanwhile: a
// pod that ends keeps its address in its status until it is deleted.
func newestOwners(snapshot Snapshot) []*corev1.Pod {
	owners := map[netip.Addr]*corev1.Pod{}
	told := func(p *corev1.Pod) bool { _, is := snapshot.Addresses[Key{p.Namespace, p.Name}]; return is }
	for _, object := range snapshot.Pods {
		subject, has := describe(object, snapshot.Addresses)
		if !has {
			continue
		}
		now, taken := owners[subject.address]
		newer := taken && now.CreationTimestamp.Before(&object.CreationTimestamp)
		if !taken || told(object) && !told(now) || told(object) == told(now) && newer {
			owners[subject.address] = object
		}
	}
	return slices.Collect(maps.Values(owners))
}

// describe returns false for pods that have no IPv4 address of their own (any more).
func describe(object *corev1.Pod, starting map[Key]netip.Addr) (pod, bool) {
	ended := object.Status.Phase == corev1.PodSucceeded || object.Status.Phase == corev1.PodFailed
	if object.Spec.HostNetwork || ended {
		return pod{}, false
	}
	address, err := netip.ParseAddr(object.Status.PodIP)
	if newest, is := starting[Key{object.Namespace, object.Name}]; is {
		address, err = newest, nil
	}
	if err != nil || !address.Is4() {
		return pod{}, false
	}
	subject := pod{namespace: object.Namespace, labels: object.Labels, address: address}
	for _, container := range slices.Concat(object.Spec.InitContainers, object.Spec.Containers) {
		subject.ports = append(subject.ports, container.Ports...)
	}
	return subject, true
}

// restrict adds what the policy allows to the pod; the empty list restricts it
// to nothing.
func (c *compiler) restrict(rules *Ruleset, policy *networkingv1.NetworkPolicy, subject pod) error {
	for _, kind := range policyTypes(policy) {
		switch kind {
		case networkingv1.PolicyTypeIngress:
			allowed, err := c.ingress(policy, subject)
			if err != nil {
				return err
			}
			rules.Ingress[subject.address] = slices.Concat([]Rule{}, rules.Ingress[subject.address], allowed)
		case networkingv1.PolicyTypeEgress:
			allowed, err := c.egress(policy)
			if err != nil {
				return err
			}
			rules.Egress[subject.address] = slices.Concat([]Rule{}, rules.Egress[subject.address], allowed)
		}
	}
	return nil
}

// policyTypes are filled in by the API server; the default is the same as its.
func policyTypes(policy *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	if len(policy.Spec.PolicyTypes) > 0 {
		return policy.Spec.PolicyTypes
	}
	kinds := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	if len(policy.Spec.Egress) > 0 {
		kinds = append(kinds, networkingv1.PolicyTypeEgress)
	}
	return kinds
}

// ingress returns what the policy lets reach the subject, at which a named port
// is looked up.
func (c *compiler) ingress(policy *networkingv1.NetworkPolicy, subject pod) ([]Rule, error) {
	var rules []Rule
	for _, entry := range policy.Spec.Ingress {
		peers, blocks, err := c.match(policy.Namespace, entry.From)
		if err != nil {
			return nil, err
		}
		ports := append(numbered(entry.Ports), named(entry.Ports, subject)...)
		rules = add(rules, Rule{Anyone: len(entry.From) == 0, Blocks: append(hosts(peers...), blocks...), Ports: ports}, entry.Ports)
	}
	return rules, nil
}

// egress returns what the policy lets its pods reach. A named port may have
// another number at each peer.
func (c *compiler) egress(policy *networkingv1.NetworkPolicy) ([]Rule, error) {
	var rules []Rule
	for _, entry := range policy.Spec.Egress {
		peers, blocks, err := c.match(policy.Namespace, entry.To)
		if err != nil {
			return nil, err
		}
		anyone := len(entry.To) == 0
		rules = add(rules, Rule{Anyone: anyone, Blocks: append(hosts(peers...), blocks...), Ports: numbered(entry.Ports)}, entry.Ports)
		if anyone {
			peers = c.pods
		}
		for _, peer := range peers {
			rules = add(rules, Rule{Blocks: hosts(peer), Ports: named(entry.Ports, peer)}, entry.Ports)
		}
	}
	return rules, nil
}

// add leaves out a rule that matches nobody, and one whose policy asked for
// ports of which none was found: without ports it would mean every port.
func add(rules []Rule, rule Rule, asked []networkingv1.NetworkPolicyPort) []Rule {
	nobody := !rule.Anyone && len(rule.Blocks) == 0
	if nobody || len(asked) > 0 && len(rule.Ports) == 0 {
		return rules
	}
	return append(rules, rule)
}

// hosts are blocks of one address each.
func hosts(pods ...pod) []Block {
	var blocks []Block
	for _, subject := range pods {
		blocks = append(blocks, Block{Prefix: netip.PrefixFrom(subject.address, subject.address.BitLen())})
	}
	return blocks
}

func sorted(policies []*networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	policies = slices.Clone(policies)
	slices.SortFunc(policies, func(a, b *networkingv1.NetworkPolicy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return policies
}
