package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// Nodes are the nodes of a cluster that could run pods of stages.
type Nodes struct {
	// Number counts them all.
	Number int
	// WithoutUserNamespaces are the names of those that can't give a pod a user
	// namespace.
	WithoutUserNamespaces []string
}

// Nodes looks at the nodes of a cluster. Denied means that the credentials may not
// list them.
func (c *Clusters) Nodes(ctx context.Context, cluster *v1alpha1.Cluster) (Nodes, error) {
	connection, err := c.Connect(ctx, cluster)
	if err != nil {
		return Nodes{}, err
	}
	var nodes Nodes
	err = kube.EachNode(ctx, connection.Client, nodes.add)
	if apierrors.IsForbidden(err) {
		return Nodes{}, fault.Wrap(fault.Denied, err, "Slipway may not list the nodes of cluster %s; install the chart's roles there", cluster.Name)
	}
	if err != nil {
		return Nodes{}, fault.Wrap(fault.Unavailable, err, "the nodes of cluster %s can't be listed", cluster.Name)
	}
	return nodes, nil
}

// add counts a node that runs Linux; stages have no pods on others.
func (n *Nodes) add(node corev1.Node) {
	if system := node.Status.NodeInfo.OperatingSystem; system != "linux" && system != "" {
		return
	}
	n.Number++
	if !hasUserNamespaces(node) {
		n.WithoutUserNamespaces = append(n.WithoutUserNamespaces, node.Name)
	}
}

// hasUserNamespaces reports whether the node's default runtime gives pods user
// namespaces. Runtimes too old to know them don't say which handlers they have.
func hasUserNamespaces(node corev1.Node) bool {
	for _, handler := range node.Status.RuntimeHandlers {
		if handler.Name == "" && handler.Features != nil && handler.Features.UserNamespaces != nil {
			return *handler.Features.UserNamespaces
		}
	}
	return false
}
