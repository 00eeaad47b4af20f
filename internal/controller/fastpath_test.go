package controller

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/slipway-dev/slipway/internal/controller/release"
	"github.com/slipway-dev/slipway/internal/controller/stage"
	"github.com/slipway-dev/slipway/internal/fastpath"
	"github.com/slipway-dev/slipway/internal/queue"
)

// A switch takes its part out of the wiring, and no other.
func TestFastPathSwitches(t *testing.T) {
	tests := map[string]struct {
		off  fastpath.Features
		want fastpath.Features // that are there
	}{
		"all":            {fastpath.Features{}, fastpath.All()},
		"none":           {fastpath.All(), fastpath.Features{}},
		"no prefetch":    {fastpath.Features{Prefetch: true}, fastpath.Features{HandOver: true, Speculation: true, PriorityGate: true, DelayedPhases: true}},
		"no hand-over":   {fastpath.Features{HandOver: true}, fastpath.Features{Prefetch: true, PriorityGate: true, DelayedPhases: true}},
		"no speculation": {fastpath.Features{Speculation: true}, fastpath.Features{Prefetch: true, HandOver: true, PriorityGate: true, DelayedPhases: true}},
		"no gate":        {fastpath.Features{PriorityGate: true}, fastpath.Features{Prefetch: true, HandOver: true, Speculation: true, DelayedPhases: true}},
		"no delay":       {fastpath.Features{DelayedPhases: true}, fastpath.Features{Prefetch: true, HandOver: true, Speculation: true, PriorityGate: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o, gate, c := Options{FastPathOff: tt.off}, queue.NewPriorityGate(fastpath.StatusGateLimit), fake.NewClientBuilder().Build()
			var got fastpath.Features
			_, got.Prefetch = prefetching(&fastpath.RefPrefetcher{}, o).(*fastpath.RefPrefetcher)
			if fast, is := handOver(&stage.Reconciler{}, &release.Reconciler{}, gate, o).(*fastpath.FastPath); is {
				got.HandOver, got.Speculation = true, fast.Speculator != nil
			}
			got.PriorityGate = statusClient(c, gate, o) != c
			got.DelayedPhases = newJournals(c, gate, o).Delay == fastpath.PhaseDelay
			if got != tt.want {
				t.Errorf("there are %+v, want %+v", got, tt.want)
			}
		})
	}
}
