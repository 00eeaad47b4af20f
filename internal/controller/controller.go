package controller

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/content"
	"github.com/slipway-dev/slipway/internal/controller/cluster"
	"github.com/slipway-dev/slipway/internal/controller/command"
	"github.com/slipway-dev/slipway/internal/controller/comment"
	"github.com/slipway-dev/slipway/internal/controller/drift"
	"github.com/slipway-dev/slipway/internal/controller/identity"
	"github.com/slipway-dev/slipway/internal/controller/organization"
	"github.com/slipway-dev/slipway/internal/controller/project"
	"github.com/slipway-dev/slipway/internal/controller/release"
	"github.com/slipway-dev/slipway/internal/controller/report"
	"github.com/slipway-dev/slipway/internal/controller/stage"
	"github.com/slipway-dev/slipway/internal/controller/unchanged"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/forge"
	"github.com/slipway-dev/slipway/internal/kube"
	"github.com/slipway-dev/slipway/internal/notify/sinks"
	"github.com/slipway-dev/slipway/internal/queue"
	story "github.com/slipway-dev/slipway/internal/release"
	"github.com/slipway-dev/slipway/internal/release/runner"
	"github.com/slipway-dev/slipway/internal/tenancy"
	"github.com/slipway-dev/slipway/internal/webhook/store"
)

// unavailableTimeout is how long a release waits for somebody unavailable.
const unavailableTimeout = 10 * time.Minute

// Reconciler works on the objects of one kind, or on one question about them.
type Reconciler interface {
	// Setup registers the reconciler with the manager.
	Setup(mgr ctrl.Manager) error
}

// New registers the reconcilers with the manager.
func New(ctx context.Context, mgr ctrl.Manager, o Options) (*Components, error) {
	if o.AnyReplica == nil {
		o.AnyReplica = mgr.GetClient()
	}
	if err := kube.IndexFields(ctx, mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}
	d, err := newDeps(ctx, mgr, o)
	if err != nil {
		return nil, err
	}
	all, err := reconcilers(mgr, o, d)
	if err != nil {
		return nil, err
	}
	return d.Components, register(mgr, all)
}

func register(mgr ctrl.Manager, all []Reconciler) error {
	for _, one := range all {
		if err := one.Setup(mgr); err != nil {
			return fmt.Errorf("register %T: %w", one, err)
		}
	}
	return nil
}

// reconcilers lists the reconcilers: a new one is a folder below, and a line
// here.
func reconcilers(mgr ctrl.Manager, o Options, d *deps) ([]Reconciler, error) {
	cleaner := project.NewDeliveryCleaner(mgr.GetClient(), d.deliveries, o.Log)
	if err := mgr.Add(cleaner); err != nil {
		return nil, fmt.Errorf("register the clean-up of deliveries: %w", err)
	}
	gate := queue.NewPriorityGate(fastpath.StatusGateLimit)
	c := statusClient(mgr.GetClient(), gate, o)
	releasing := newRunner(o, d)
	stages := &stage.Reconciler{Client: c, Live: mgr.GetAPIReader(), Queue: d.queue, Targets: d.targets, Ancestry: d.sources, Now: o.Now}
	releases := release.New(release.Reconciler{Client: c, Live: mgr.GetAPIReader(), Queue: d.queue, Journals: newJournals(c, gate, o), Targets: d.targets, Runner: releasing, Log: o.Log})
	drifts := &drift.Reconciler{Client: c, Queue: d.queue, Targets: driftTargets(d), Events: mgr.GetEventRecorder("slipway"), Now: o.Now, Log: o.Log}
	d.clusters.Changed = drifts.Changed
	d.Projects = &store.Projects{Client: mgr.GetClient(), Secrets: d.secrets}
	prefetcher := &fastpath.RefPrefetcher{Client: mgr.GetClient(), Sources: d.sources, Queue: d.queue, Leads: mgr.Elected(), Now: o.Now}
	reports := sinks.All()
	d.Deliveries = &store.Deliveries{Client: o.AnyReplica, Prefetcher: prefetching(prefetcher, o), Gate: d.deliveries}
	heads := newHeads(c, releasing, o, d)
	if err := mgr.Add(heads); err != nil {
		return nil, fmt.Errorf("register what shows unchanged heads: %w", err)
	}
	live, err := client.NewWithWatch(mgr.GetConfig(), client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient()})
	if err != nil {
		return nil, fmt.Errorf("make a client for commands: %w", err)
	}
	writer := &project.StageWriter{Client: c, Commits: d.sources, Contents: heads, FastPath: handOver(stages, releases, gate, o), Log: o.Log}
	all := []Reconciler{
		&organization.Reconciler{Client: c, Namespaces: tenancy.NewNamespaceApplier(mgr.GetClient(), d.marker, o.Now), Self: d.self},
		&cluster.Reconciler{Client: c, Clusters: d.clusters},
		project.New(project.Reconciler{Client: c, Sources: projectSources{d.sources, prefetcher}, Stages: writer, Pulls: d.pulls, Gated: behindGate(mgr.GetClient(), o), Groups: &forge.Facts{Forges: d.forges}, Work: d.sources.Work(), Cleaner: cleaner, Interval: o.SyncInterval, Timers: rate.Limit(o.TimerSyncs), Now: o.Now}),
		&identity.Reconciler{Client: mgr.GetClient()},
		stages,
		releases,
		drifts,
		report.New(c, d.forges, reports, o.Log),
		unchanged.New(c, d.forges, d.sources, reports, o.Log),
		&command.Reconciler{Client: mgr.GetClient(), Live: live, Sources: d.sources, Now: o.Now, Log: o.Log},
		comment.New(comment.Reconciler{Client: c, Forges: d.forges, Sources: d.sources, Pulls: d.pulls, Sinks: reports, Now: o.Now, Log: o.Log}),
	}
	if o.GateNamespace != "" {
		all = append(all, newEntrances(c, o, d))
	}
	return all, nil
}

// newRunner returns what runs releases.
func newRunner(o Options, d *deps) *runner.Runner {
	return &runner.Runner{
		Sources: d.sources, Refs: d.sources, Renderer: d.pool, Bundles: d.bundles, Policy: story.PolicyOf, Facts: &forge.Facts{Forges: d.forges},
		Version: o.Version, UnavailableTimeout: unavailableTimeout, Now: o.Now, Log: o.Log,
	}
}

// newHeads returns what knows the heads that change nothing.
func newHeads(c client.Client, r *runner.Runner, o Options, d *deps) *content.Heads {
	compare := func() content.Comparison { return r.NewComparison() }
	return content.NewHeads(c, d.targets, compare, cmp.Or(o.ShowHeadsAfter, content.ShowDelay), o.Log)
}

// driftTargets finds the places of stages for the repair of drift.
func driftTargets(d *deps) func(context.Context, *v1alpha1.Stage) (drift.Target, error) {
	return func(ctx context.Context, stage *v1alpha1.Stage) (drift.Target, error) {
		return d.targets.Of(ctx, stage)
	}
}
