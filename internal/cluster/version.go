package cluster

import (
	"context"
	"fmt"

	"k8s.io/client-go/discovery"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// Version asks a cluster for the version of its API server, such as "v1.33.2".
func (c *Clusters) Version(ctx context.Context, cluster *v1alpha1.Cluster) (string, error) {
	connection, err := c.Connect(ctx, cluster)
	if err != nil {
		return "", err
	}
	asking, err := discovery.NewDiscoveryClientForConfig(connection.Config)
	if err != nil {
		return "", fmt.Errorf("make client of cluster %s: %w", cluster.Name, err)
	}
	info, err := asking.ServerVersion()
	if err != nil {
		return "", unasked(cluster, err)
	}
	return info.GitVersion, nil
}

// unasked says why a cluster could not be asked. Whatever it is, whoever needs the
// cluster waits for it.
func unasked(cluster *v1alpha1.Cluster, err error) error {
	return fault.Wrap(fault.Unavailable, err, "%s", fault.MessageOf(kube.AskFault("cluster "+cluster.Name, err)))
}
