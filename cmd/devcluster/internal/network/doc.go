// Package network makes and removes what a cluster needs from the machine's
// network: a bridge that carries the cluster's address, a few kernel settings,
// and the packet filter's table for traffic that leaves the pods' network.
//
// Pods are not ports of the bridge: each has a device of its own and a route,
// so all their traffic passes the packet filter's forward hook, also between
// two pods. The bridge only carries the address where API server, registry and
// ingress listen.
package network
