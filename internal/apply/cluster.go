package apply

import (
	"context"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// Cluster is one API server: what it serves, how busy it is, and what is
// known of its objects. It lives as long as the server runs and is safe for
// concurrent use.
type Cluster struct {
	kinds   *kinds
	limiter *limiter
	live    *Live // nil when nothing is watched
}

// NewCluster returns a cluster of which nothing is known yet. With a live
// view, which may be nil, applying an unchanged stage needs no request there.
func NewCluster(live *Live) *Cluster {
	return &Cluster{kinds: newKinds(), limiter: newLimiter(defaultConcurrency), live: live}
}

// client speaks to one cluster with one identity. It is safe for concurrent
// use.
type client struct {
	cluster  *Cluster
	config   *rest.Config
	rest     *rest.RESTClient
	metadata func() (*metadataOnly, error) // reads for the live view
}

// newClient returns a client with the identity of a configuration.
func newClient(cluster *Cluster, config *rest.Config) (*client, error) {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return watching{next: next, limiter: cluster.limiter} })
	speaking, err := newRESTClient(config)
	if err != nil {
		return nil, err
	}
	return &client{
		cluster: cluster, config: config, rest: speaking,
		metadata: sync.OnceValues(func() (*metadataOnly, error) { return newMetadataOnly(config, cluster.kinds) }),
	}, nil
}

// restConfig returns the configuration of further clients with the same
// identity, whose answers the cluster's limiter learns from too.
func (c *client) restConfig() *rest.Config { return rest.CopyConfig(c.config) }

// resource returns where the cluster serves the kind of an object.
func (c *client) resource(ctx context.Context, ref Ref) (schema.GroupVersionResource, error) {
	found, err := c.cluster.kinds.resolve(ctx, c.rest, ref)
	return ref.groupVersion().WithResource(found.plural), err
}

// servedVersion returns the apiVersion that serves a kind today, empty when
// none is known.
func (c *client) servedVersion(kind string) string { return c.cluster.kinds.suggest(kind) }

// lookup returns what the live view knows of an object; certain is false when
// the view can't say. A kind that it does not watch yet is watched from now on.
func (c *client) lookup(ref Ref) (s *state, certain bool) {
	live := c.cluster.live
	if s, certain = live.lookup(ref); certain || live.watches(ref) {
		return s, certain
	}
	if source, err := c.metadata(); err == nil { // newClient made the same clients already
		live.want(ref, source)
	}
	return nil, false
}

// note makes the live view take over what an apply left behind, so that the
// next apply need not wait for the watch.
func (c *client) note(ref Ref, s *state) { c.cluster.live.note(ref, s) }
