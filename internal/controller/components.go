package controller

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/build/source"
	"github.com/slipway-dev/slipway/internal/cluster"
	"github.com/slipway-dev/slipway/internal/entrance"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/mirror"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/render/worker"
	"github.com/slipway-dev/slipway/internal/repository"
	"github.com/slipway-dev/slipway/internal/target"
	"github.com/slipway-dev/slipway/internal/tenancy"
	"github.com/slipway-dev/slipway/internal/webhook/store"
)

// SourcePath is where the source handler is served.
const SourcePath = "/source"

// serviceAccount is what the chart runs the server as.
const serviceAccount = "slipway"

// sourceTTL is how long a build's token opens its source: from the start of
// the Job, its time in the queue included.
const sourceTTL = time.Hour

// deliveryGateLimit is how long the clean-up of deliveries waits, at most, for
// those that the receiver makes durable.
const deliveryGateLimit = 50 * time.Millisecond

// Components are what the webhook receiver and the internal server need of the
// controllers, and what must be closed after them.
type Components struct {
	Projects   *store.Projects
	Deliveries *store.Deliveries
	Source     *source.Handler
	Ready      func(context.Context) error

	queue    *queue.Queue
	clusters *cluster.Clusters
	targets  *target.Targets
	bundles  *target.Bundles
	pool     *worker.Pool
	mirrors  *mirror.Store
}

// deps is what the reconcilers have in common.
type deps struct {
	*Components
	marker  *tenancy.Marker
	shares  ed25519.PrivateKey // signs what lets people see previews
	self    tenancy.Subject    // the service account that Slipway runs as
	secrets *kube.Secrets
	forges  *forge.Forges
	pulls   *forge.PullRequests
	sources *repository.Sources
	// deliveries is open while the receiver makes deliveries durable.
	deliveries *queue.PriorityGate
}

// newDeps makes what the reconcilers share.
func newDeps(ctx context.Context, mgr ctrl.Manager, o Options) (*deps, error) {
	key, err := repository.ServerKey(ctx, mgr.GetAPIReader(), o.AnyReplica, o.Namespace)
	if err != nil {
		return nil, err
	}
	signer, err := source.NewSigner(o.Now, key)
	if err != nil {
		return nil, err
	}
	marker, err := tenancy.NewMarker(key, o.Now)
	if err != nil {
		return nil, err
	}
	pool, err := newPool(ctx, o)
	if err != nil {
		return nil, err
	}
	d := &deps{
		Components: &Components{
			Ready: cacheReadiness(mgr.GetCache()), queue: queue.New(o.ParallelReleases), pool: pool,
			mirrors: mirror.NewStore(filepath.Join(o.Data, "mirrors"), git.DefaultLimits(), o.Dialer),
		},
		marker:     marker,
		shares:     entrance.NewKey(key),
		self:       tenancy.Subject{Namespace: o.Namespace, Name: serviceAccount},
		secrets:    kube.NewSecrets(mgr.GetAPIReader(), o.Now),
		deliveries: queue.NewPriorityGate(deliveryGateLimit),
	}
	d.forges = forge.NewForges(o.Forges, d.secrets, o.AllowHTTP, o.Dialer, o.Now)
	d.pulls = forge.NewPullRequests(d.forges)
	grants := repository.Grants{Signer: signer, URL: o.SourceURL + SourcePath, TTL: sourceTTL, Now: o.Now}
	d.sources = repository.NewSources(d.secrets, d.forges, d.mirrors, grants, o.AllowHTTP)
	d.clusters = &cluster.Clusters{Config: o.Config, Account: d.self, Marker: marker, Secrets: d.secrets, Builds: kaniko.Config{Image: o.Image, Executor: o.Executor}, Dialer: o.Dialer, Now: o.Now}
	d.Source = source.NewHandler(signer, func(ctx context.Context, claims source.Claims) (source.Tar, error) {
		return d.sources.Archive(ctx, mgr.GetClient(), claims)
	}, source.Limits{})
	if d.targets, err = target.NewTargets(mgr.GetClient(), d.clusters, d.self); err != nil {
		return nil, err
	}
	d.targets.OwnHosts, d.targets.GateNamespace = o.OwnHosts, o.GateNamespace
	d.bundles = target.NewBundles(d.targets.Bundles, mgr.GetEventRecorder("slipway"), o.Dialer.Transport(), o.Log)
	return d, nil
}

// newPool starts the processes that render.
func newPool(ctx context.Context, o Options) (*worker.Pool, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the own program for render workers: %w", err)
	}
	return worker.New(ctx, worker.Options{Executable: executable, Size: o.RenderWorkers, Limits: worker.DefaultLimits()})
}

// Close stops what runs and waits for it; call it after the manager stopped.
func (c *Components) Close() {
	c.queue.Close()
	c.clusters.Close()
	c.bundles.Close()
	c.pool.Close()
	c.mirrors.Close()
}

// cacheReadiness says whether the watch cache is filled: before that, the
// receiver would not know any project.
func cacheReadiness(c cache.Cache) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return fault.New(fault.Unavailable, "the watch cache is not filled yet")
		}
		return nil
	}
}
