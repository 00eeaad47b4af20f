package netpol

import (
	"fmt"
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// match returns the pods and the blocks that a policy's peers mean.
func (c *compiler) match(namespace string, peers []networkingv1.NetworkPolicyPeer) ([]pod, []Block, error) {
	var blocks []Block
	matched := map[netip.Addr]bool{}
	for _, peer := range peers {
		if peer.IPBlock != nil {
			block, is4, err := parseBlock(peer.IPBlock)
			if err != nil {
				return nil, nil, err
			}
			if is4 {
				blocks = append(blocks, block)
			}
			continue
		}
		selects, err := c.selection(namespace, peer)
		if err != nil {
			return nil, nil, err
		}
		for _, candidate := range c.pods {
			if selects(candidate) {
				matched[candidate.address] = true
			}
		}
	}
	var pods []pod
	for _, candidate := range c.pods { // in their order, each once
		if matched[candidate.address] {
			pods = append(pods, candidate)
		}
	}
	return pods, blocks, nil
}

// selection reads a peer's two selectors: no namespace selector means the
// policy's own namespace, no pod selector every pod.
func (c *compiler) selection(namespace string, peer networkingv1.NetworkPolicyPeer) (func(pod) bool, error) {
	podSelector := labels.Everything()
	if peer.PodSelector != nil {
		selector, err := metav1.LabelSelectorAsSelector(peer.PodSelector)
		if err != nil {
			return nil, fmt.Errorf("pod selector: %w", err)
		}
		podSelector = selector
	}
	if peer.NamespaceSelector == nil {
		return func(p pod) bool { return p.namespace == namespace && podSelector.Matches(p.labels) }, nil
	}
	namespaceSelector, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
	if err != nil {
		return nil, fmt.Errorf("namespace selector: %w", err)
	}
	return func(p pod) bool {
		of, known := c.namespaces[p.namespace]
		return known && namespaceSelector.Matches(of) && podSelector.Matches(p.labels)
	}, nil
}

// parseBlock returns false for IPv6, which no pod here has.
func parseBlock(block *networkingv1.IPBlock) (Block, bool, error) {
	prefix, err := netip.ParsePrefix(block.CIDR)
	if err != nil {
		return Block{}, false, fmt.Errorf("ip block: %w", err)
	}
	if !prefix.Addr().Is4() {
		return Block{}, false, nil
	}
	made := Block{Prefix: prefix.Masked()}
	for _, text := range block.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil {
			return Block{}, false, fmt.Errorf("ip block's exception: %w", err)
		}
		if except.Addr().Is4() {
			made.Except = append(made.Except, except.Masked())
		}
	}
	return made, true, nil
}
