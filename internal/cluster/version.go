package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s.io/client-go/discovery"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/kube"
)

// maxAPIVersions bounds what is kept of a cluster's API versions and kinds.
const maxAPIVersions = 5000

// Version asks a cluster for the version of its API server, such as "v1.33.2".
func (c *Clusters) Version(ctx context.Context, cluster *v1alpha1.Cluster) (string, error) {
	asking, err := c.discovery(ctx, cluster)
	if err != nil {
		return "", err
	}
	info, err := asking.ServerVersion()
	if err != nil {
		return "", unasked(cluster, err)
	}
	return info.GitVersion, nil
}

// APIVersions asks a cluster for the API versions that it serves, and the kinds of
// each, sorted: apps/v1, apps/v1/Deployment. When one of them does not answer, it
// is an error: charts would be rendered otherwise for a while.
func (c *Clusters) APIVersions(ctx context.Context, cluster *v1alpha1.Cluster) ([]string, error) {
	asking, err := c.discovery(ctx, cluster)
	if err != nil {
		return nil, err
	}
	_, lists, err := asking.ServerGroupsAndResources()
	if err != nil {
		return nil, unasked(cluster, err)
	}
	served := map[string]bool{}
	for _, list := range lists {
		served[list.GroupVersion] = true
		for _, resource := range list.APIResources {
			served[list.GroupVersion+"/"+resource.Kind] = true
		}
	}
	if len(served) > maxAPIVersions {
		return nil, fault.New(fault.Invalid, "cluster %s serves %d API versions and kinds, more than %d", cluster.Name, len(served), maxAPIVersions)
	}
	return slices.Sorted(maps.Keys(served)), nil
}

func (c *Clusters) discovery(ctx context.Context, cluster *v1alpha1.Cluster) (*discovery.DiscoveryClient, error) {
	connection, err := c.Connect(ctx, cluster)
	if err != nil {
		return nil, err
	}
	asking, err := discovery.NewDiscoveryClientForConfig(connection.Config)
	if err != nil {
		return nil, fmt.Errorf("make client of cluster %s: %w", cluster.Name, err)
	}
	return asking, nil
}

// unasked says why a cluster could not be asked. Whatever it is, whoever needs the
// cluster waits for it.
func unasked(cluster *v1alpha1.Cluster, err error) error {
	return fault.Wrap(fault.Unavailable, err, "%s", fault.MessageOf(kube.AskFault("cluster "+cluster.Name, err)))
}
