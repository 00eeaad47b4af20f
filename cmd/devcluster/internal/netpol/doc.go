// Package netpol enforces Kubernetes NetworkPolicies on the one node by
// addresses, with the kernel's packet filter.
//
// Supported: networking.k8s.io/v1 NetworkPolicy with policyTypes Ingress and
// Egress; peers by podSelector, namespaceSelector, both together, and ipBlock
// with except; ports by number, range (endPort) and name; TCP, UDP and SCTP.
// As Kubernetes wants it, the node itself reaches its pods always (probes, and
// here the ingress), replies to allowed connections pass, pods on the node's
// network are neither selected nor matched, and a Service is judged by the pod
// behind it. Egress rules also hold for what listens on the node (API server,
// registry, ingress): allow it with an ipBlock of the bridge's address.
//
// A pod's rules are in force before its first container starts: the node's
// network plugin asks the agent and waits for it. Changes of labels and of
// policies take effect within a fraction of a second; connections that exist
// already live on.
//
// Not supported: IPv6, more than one node, AdminNetworkPolicy. What is refused
// is rejected with ICMP "administratively prohibited" rather than dropped, so
// that a blocked program says so at once.
//
// It must not know how the cluster is made.
package netpol
