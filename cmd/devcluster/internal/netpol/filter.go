package netpol

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"sigs.k8s.io/knftables"
)

// refusal is what a connection that no rule lets pass gets.
const refusal = "reject with icmp type admin-prohibited"

// Transaction replaces the whole table by one that enforces the rules, in one step.
func Transaction(nft knftables.Interface, rules Ruleset) *knftables.Transaction {
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("slipway devcluster: network policies")})
	addDirection(tx, "egress", "daddr", rules.Egress)
	addDirection(tx, "ingress", "saddr", rules.Ingress)
	// Traffic of pods to pods and to the world is forwarded; traffic of pods to
	// the node is input. The node's own traffic to pods is output and passes.
	addHook(tx, "forward", knftables.ForwardHook,
		"ip saddr vmap @egress", "ip daddr vmap @ingress")
	addHook(tx, "input", knftables.InputHook, "ip saddr vmap @egress")
	return tx
}

// addDirection makes a map from restricted pods to chains, and their chains. A
// chain returns for what it lets pass, so that the other direction is asked too.
func addDirection(tx *knftables.Transaction, direction, peerField string, pods map[netip.Addr][]Rule) {
	tx.Add(&knftables.Map{Name: direction, Type: "ipv4_addr : verdict"})
	for _, address := range sortedAddresses(pods) {
		chain := fmt.Sprintf("%s-%s", direction, strings.ReplaceAll(address.String(), ".", "-"))
		tx.Add(&knftables.Chain{Name: chain})
		for _, rule := range pods[address] {
			for _, text := range matches(rule, peerField) {
				tx.Add(&knftables.Rule{Chain: chain, Rule: strings.TrimSpace(text + " return")})
			}
		}
		tx.Add(&knftables.Rule{Chain: chain, Rule: refusal})
		tx.Add(&knftables.Element{Map: direction, Key: []string{address.String()}, Value: []string{"jump " + chain}})
	}
}

func addHook(tx *knftables.Transaction, name string, hook knftables.BaseChainHook, rules ...string) {
	tx.Add(&knftables.Chain{
		Name: name, Type: knftables.PtrTo(knftables.FilterType),
		Hook: knftables.PtrTo(hook), Priority: knftables.PtrTo(knftables.FilterPriority),
	})
	tx.Add(&knftables.Rule{Chain: name, Rule: "ct state established,related accept"})
	for _, rule := range rules {
		tx.Add(&knftables.Rule{Chain: name, Rule: rule})
	}
}

// matches returns the packet filter's conditions for a rule: one for each peer
// and port, as exceptions belong to their block only.
func matches(rule Rule, peerField string) []string {
	peers := []string{""}
	if !rule.Anyone {
		peers = peerMatches(rule.Blocks, peerField)
	}
	ports := []string{""}
	if len(rule.Ports) > 0 {
		ports = nil
		for _, port := range rule.Ports {
			ports = append(ports, portMatch(port))
		}
	}
	var texts []string
	for _, peer := range peers {
		for _, port := range ports {
			texts = append(texts, strings.TrimSpace(peer+" "+port))
		}
	}
	return texts
}

func peerMatches(blocks []Block, field string) []string {
	var texts []string
	for _, block := range blocks {
		text := fmt.Sprintf("ip %s %s", field, block.Prefix)
		for _, except := range block.Except {
			text += fmt.Sprintf(" ip %s != %s", field, except)
		}
		texts = append(texts, text)
	}
	return texts
}

func portMatch(port Port) string {
	protocol := strings.ToLower(string(port.Protocol))
	switch {
	case port.First == 0:
		return "meta l4proto " + protocol
	case port.First == port.Last:
		return fmt.Sprintf("%s dport %d", protocol, port.First)
	}
	return fmt.Sprintf("%s dport %d-%d", protocol, port.First, port.Last)
}

func sortedAddresses(pods map[netip.Addr][]Rule) []netip.Addr {
	var addresses []netip.Addr
	for address := range pods {
		addresses = append(addresses, address)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return addresses
}
