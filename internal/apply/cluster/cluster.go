package cluster

import (
	"context"
	"net/http"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/inventory"
)

// Cluster is one API server: what it serves, how many requests it takes at
// once, and the live view of its objects. All clients of the API server share
// it. It is safe for concurrent use.
type Cluster struct {
	kinds   *kinds
	limiter *limiter
	live    *Live // nil when nothing is watched
}

// New returns a cluster of which nothing is known yet. With a live view, which
// may be nil, applying an unchanged stage needs no request.
func New(live *Live) *Cluster {
	return &Cluster{kinds: newKinds(), limiter: newLimiter(defaultConcurrency), live: live}
}

// Client speaks to one cluster with one identity. It is safe for concurrent
// use.
type Client struct {
	cluster  *Cluster
	config   *rest.Config
	rest     *rest.RESTClient
	metadata func() (*metadataOnly, error) // reads for the live view
}

// NewClient returns a client with the identity of a configuration.
func NewClient(cluster *Cluster, config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return limiterTransport{next: next, limiter: cluster.limiter}
	})
	client, err := newRESTClient(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		cluster: cluster, config: config, rest: client,
		metadata: sync.OnceValues(func() (*metadataOnly, error) { return newMetadataOnly(config, cluster.kinds) }),
	}, nil
}

// Config returns the configuration of further clients with the same
// identity, whose answers the cluster's limiter learns from too.
func (c *Client) Config() *rest.Config { return rest.CopyConfig(c.config) }

// Resource returns where the cluster serves the kind of an object.
func (c *Client) Resource(ctx context.Context, ref inventory.Ref) (schema.GroupVersionResource, error) {
	found, err := c.cluster.kinds.resolve(ctx, c.rest, ref)
	return ref.GroupVersion().WithResource(found.plural), err
}

// ServedVersion returns the apiVersion that serves a kind today, empty when
// none is known.
func (c *Client) ServedVersion(kind string) string { return c.cluster.kinds.servedVersion(kind) }

// Lookup returns what the live view knows of an object; certain is false when
// the view can't say. A kind that it does not watch yet is watched from now on.
func (c *Client) Lookup(ref inventory.Ref) (s *State, certain bool) {
	live := c.cluster.live
	if s, certain = live.lookup(ref); certain || live.watches(ref) {
		return s, certain
	}
	if source, err := c.metadata(); err == nil { // newClient made the same clients already
		live.watch(ref, source)
	}
	return nil, false
}

// Record puts the state that an apply left into the live view, so that the
// next apply need not wait for the watch.
func (c *Client) Record(ref inventory.Ref, s *State) { c.cluster.live.record(ref, s) }
