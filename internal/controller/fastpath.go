package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
	"github.com/slipway-dev/slipway/internal/controller/project"
	"github.com/slipway-dev/slipway/internal/controller/release"
	"github.com/slipway-dev/slipway/internal/controller/stage"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/queue"
	"github.com/slipway-dev/slipway/internal/repository"
	"github.com/slipway-dev/slipway/internal/webhook/store"
)

// statusClient returns a client whose statuses wait at a gate for the objects of
// releases on their way.
func statusClient(c client.Client, gate *queue.PriorityGate, o Options) client.Client {
	if o.FastPathOff.PriorityGate {
		return c
	}
	return fastpath.NewThrottledClient(c, gate)
}

// newJournals returns what makes the progress of releases durable.
func newJournals(c client.Client, gate *queue.PriorityGate, o Options) *fastpath.Journals {
	journals := &fastpath.Journals{Client: c, Gate: gate, Delay: fastpath.PhaseDelay, Log: o.Log}
	if o.FastPathOff.DelayedPhases {
		journals.Delay = 0
	}
	return journals
}

// prefetching returns what learns of deliveries before they are durable.
func prefetching(prefetcher *fastpath.RefPrefetcher, o Options) store.Prefetcher {
	if o.FastPathOff.Prefetch {
		return fastpath.Off{}
	}
	return prefetcher
}

// handOver returns the way from a sync to the releases of its stages.
func handOver(stages *stage.Reconciler, releases *release.Reconciler, gate *queue.PriorityGate, o Options) project.FastPath {
	if o.FastPathOff.HandOver {
		return fastpath.Off{}
	}
	fast := &fastpath.FastPath{Stages: stages, Releases: releases, Queue: stages.Queue, Gate: gate, Log: o.Log}
	if !o.FastPathOff.Speculation {
		fast.Speculator = releases
	}
	return fast
}

// projectSources are the repositories as syncs read them: their refs may have
// been read while the delivery that reports them was made durable.
type projectSources struct {
	*repository.Sources
	prefetcher *fastpath.RefPrefetcher
}

// Heads implements project.Sources.
func (s projectSources) Heads(ctx context.Context, p *v1alpha1.Project, waiting []v1alpha1.Delivery) (git.Heads, error) {
	return s.prefetcher.Heads(ctx, p, waiting)
}
