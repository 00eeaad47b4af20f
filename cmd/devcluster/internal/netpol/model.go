package netpol

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// Snapshot is all that the rules depend on, at one moment.
type Snapshot struct {
	Pods       []*corev1.Pod
	Namespaces []*corev1.Namespace
	Policies   []*networkingv1.NetworkPolicy
	// Addresses are those of pods that are being started and that their
	// status doesn't name yet.
	Addresses map[Key]netip.Addr
}

// Key names a pod.
type Key struct{ Namespace, Name string }

// Ruleset says for each restricted pod, by address, what may reach it and what
// it may reach. A pod that isn't named is not restricted in that direction.
type Ruleset struct {
	Ingress, Egress map[netip.Addr][]Rule
}

// Rule lets connections pass that match both peers and ports.
type Rule struct {
	// Anyone means that the peer doesn't matter; Blocks are alternatives else.
	Anyone bool
	Blocks []Block
	// Ports are alternatives; none means every port of every protocol.
	Ports []Port
}

// Block is a range of addresses with exceptions.
type Block struct {
	Prefix netip.Prefix
	Except []netip.Prefix
}

// Port is a range of ports; First is 0 for every port of the protocol.
type Port struct {
	Protocol    corev1.Protocol
	First, Last int32
}
