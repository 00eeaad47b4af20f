package controller

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/build/kaniko"
	"github.com/slipway-dev/slipway/internal/build/source"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/mirror"
	"github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/render/worker"
	"github.com/slipway-dev/slipway/internal/tenancy"
)

// SourcePath is where the source handler is served.
const SourcePath = "/source"

// serviceAccount is what the chart runs the server as.
const serviceAccount = "slipway"

// sourceTTL is how long a build's token opens its source: from the start of
// the Job, its time in the queue included.
const sourceTTL = time.Hour

// unavailableTimeout is how long a release waits for somebody unavailable.
const unavailableTimeout = 10 * time.Minute

// Options is what the controllers are made of.
type Options struct {
	Config           *rest.Config // the control cluster
	Namespace        string       // Slipway's own
	Data             string       // directory for mirrors
	Image            string       // Slipway's own, for the steps of builds
	Executor         string       // the kaniko image
	SourceURL        string       // base URL of the source handler for builds
	AllowHTTP        bool
	ParallelReleases int
	RenderWorkers    int
	SyncInterval     time.Duration
	Forges           map[string]NewReporter
	Now              func() time.Time
	Log              *slog.Logger
}

// Components are what the door and the internal server need of the controllers.
type Components struct {
	Targets    *WebhookTargets
	Deliveries *DeliveryStore
	Source     *source.Handler
	Ready      func(context.Context) error

	lanes    *Queue
	clusters *Clusters
	bundles  *Bundles // nil before it is registered
	pool     *worker.Pool
	mirrors  *mirror.Store
}

// Close stops what runs and waits for it; call it after the manager stopped.
func (p *Components) Close() {
	p.lanes.Close()
	p.clusters.Close()
	if p.bundles != nil {
		p.bundles.Close()
	}
	p.pool.Close()
	p.mirrors.Close()
}

// CacheOptions keeps the watch cache to what is needed: Slipway's own objects,
// without the records of who wrote which field.
func CacheOptions() cache.Options {
	return cache.Options{DefaultTransform: cache.TransformStripManagedFields()}
}

// ClientOptions makes reads of Secrets and ConfigMaps go to the API server:
// watching them all would keep every secret in memory.
func ClientOptions() client.Options {
	return client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}}
}

// New registers the controllers with the manager.
func New(ctx context.Context, mgr ctrl.Manager, o Options) (*Components, error) {
	if err := IndexFields(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	pool, err := newPool(ctx, o)
	if err != nil {
		return nil, err
	}
	signer, err := sourceSigner(ctx, mgr.GetAPIReader(), mgr.GetClient(), o)
	if err != nil {
		return nil, err
	}
	secrets := NewSecrets(mgr.GetAPIReader(), o.Now)
	forges := NewForges(o.Forges, secrets, o.AllowHTTP, o.Now)
	mirrors := mirror.NewStore(filepath.Join(o.Data, "mirrors"), git.DefaultLimits())
	sources := NewSources(secrets, forges, mirrors, Grants{Signer: signer, URL: o.SourceURL + SourcePath, TTL: sourceTTL, Now: o.Now}, o.AllowHTTP)
	lanes := NewQueue(o.ParallelReleases)
	expected := &RefPrefetcher{client: mgr.GetClient(), sources: sources, lanes: lanes, leads: mgr.Elected(), now: o.Now}
	keeping := NewPriorityGate(deliveryGateLimit)
	parts := &Components{
		Targets:    &WebhookTargets{Client: mgr.GetClient(), Secrets: secrets},
		Deliveries: &DeliveryStore{Client: mgr.GetClient(), Expected: expected, Keeping: keeping},
		Ready:      cacheReadiness(mgr.GetCache()),
		lanes:      lanes, pool: pool, mirrors: mirrors,
		clusters: &Clusters{Self: o.Config, Secrets: secrets, Builds: kaniko.Config{Image: o.Image, Executor: o.Executor}, Now: o.Now},
	}
	parts.Source = source.NewHandler(signer, func(ctx context.Context, claims source.Claims) (source.Tar, error) {
		return sources.Archive(ctx, mgr.GetClient(), claims)
	}, source.Limits{})
	return parts, register(mgr, o, deps{secrets, forges, sources, expected, keeping, parts})
}

// newPool starts the processes that render.
func newPool(ctx context.Context, o Options) (*worker.Pool, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the own program for render workers: %w", err)
	}
	return worker.New(ctx, worker.Options{Executable: executable, Size: o.RenderWorkers, Limits: worker.DefaultLimits()})
}

// deps is what the reconcilers have in common.
type deps struct {
	secrets  *Secrets
	forges   *Forges
	sources  *Sources
	expected *RefPrefetcher
	keeping  *PriorityGate
	parts    *Components
}

// register makes the reconcilers and hands them to the manager.
func register(mgr ctrl.Manager, o Options, in deps) error {
	clusters, lanes := in.parts.clusters, in.parts.lanes
	self := tenancy.Subject{Namespace: o.Namespace, Name: serviceAccount}
	sites, err := NewTargets(mgr.GetClient(), clusters, self)
	if err != nil {
		return err
	}
	recorder := mgr.GetEventRecorder("slipway")
	in.parts.bundles = NewBundles(sites.bundles, recorder, o.Log)
	runner := &release.Runner{
		Sources: in.sources, Renderer: in.parts.pool, Bundles: in.parts.bundles, Policy: release.PolicyOf, Facts: &ForgeFacts{Forges: in.forges},
		UnavailableTimeout: unavailableTimeout, Now: o.Now, Log: o.Log,
	}
	rush := NewPriorityGate(statusGateLimit)
	calm := newThrottledClient(mgr.GetClient(), rush)
	stages := &StageReconciler{Client: calm, Live: mgr.GetAPIReader(), Queue: lanes, Targets: sites, Ancestry: in.sources, Parallel: 8, Now: o.Now}
	releases := &ReleaseReconciler{Client: calm, Live: mgr.GetAPIReader(), Queue: lanes, Gate: rush, Targets: sites, Runner: runner, Log: o.Log}
	drift := &DriftReconciler{Client: calm, Queue: lanes, Targets: sites, Events: recorder, Now: o.Now, Log: o.Log}
	clusters.Changed = drift.Changed
	tidier := NewDeliveryCleaner(mgr.GetClient(), in.keeping, o.Log)
	if err := mgr.Add(tidier); err != nil {
		return fmt.Errorf("register the tidier: %w", err)
	}
	handoff := &FastPath{Stages: stages, Releases: releases, Log: o.Log}
	reconcilers := []interface{ SetupWithManager(ctrl.Manager) error }{
		&OrganizationReconciler{Client: calm, Keeper: tenancy.NewNamespaceApplier(mgr.GetClient(), o.Now), Self: self},
		&ClusterReconciler{Client: calm, Clusters: clusters},
		&ProjectReconciler{Client: calm, Sources: in.sources, FastPath: handoff, Prefetcher: in.expected, Cleaner: tidier, Interval: o.SyncInterval, Parallel: 32, Now: o.Now, Log: o.Log},
		&IdentityReconciler{Client: mgr.GetClient()},
		stages, releases, drift,
		&ReportReconciler{Client: calm, Forges: in.forges, Log: o.Log},
		&CommentReconciler{Client: calm, Forges: in.forges, Sources: in.sources, Log: o.Log},
	}
	for _, reconciler := range reconcilers {
		if err := reconciler.SetupWithManager(mgr); err != nil {
			return fmt.Errorf("register %T: %w", reconciler, err)
		}
	}
	return nil
}

// cacheReadiness says whether the watch cache is filled: before, the door
// would not know any project.
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
