package cluster

import (
	"context"
	"fmt"

	"k8s.io/client-go/discovery"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
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
		return "", fault.Wrap(fault.Unavailable, err, "cluster %s does not answer", cluster.Name)
	}
	return info.GitVersion, nil
}
