// Package node says how the programs of the one node are configured and
// started: scheduler, containerd, kubelet and kube-proxy.
//
// It must not know the order of the whole cluster, nor what runs on the node.
package node
