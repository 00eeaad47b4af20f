//go:build integration

package bench

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fastpath"
)

var rounds = flag.Int("rounds", 5, "how often BenchmarkFastPath switches each part off")

// visitPushes is how many pushes are measured before another part is switched
// off.
const visitPushes = 4

// variant is a server without some parts of the fast path.
type variant struct {
	name string
	off  fastpath.Features
}

func variants() []variant {
	return []variant{
		{"all", fastpath.Features{}},
		{"no-prefetch", fastpath.Features{Prefetch: true}},
		{"no-hand-over", fastpath.Features{HandOver: true}},
		{"no-speculation", fastpath.Features{Speculation: true}},
		{"no-gate", fastpath.Features{PriorityGate: true}},
		{"no-delay", fastpath.Features{DelayedPhases: true}},
		{"no-gate-no-delay", fastpath.Features{PriorityGate: true, DelayedPhases: true}},
		{"none", fastpath.All()},
	}
}

// BenchmarkFastPath measures what each part of the fast path saves, with the
// server in this process: in every round each part is switched off once, on the
// same API server and the same project, so that what else the machine does
// meets all of them.
func BenchmarkFastPath(b *testing.B) {
	for i, s := range scenarios() {
		if s.all <= 20 && s.slow == 0 {
			b.Run(s.name, func(b *testing.B) { measureFeatures(b, s, fmt.Sprintf("fast%d", i)) })
		}
	}
}

func measureFeatures(b *testing.B, s scenario, organization string) {
	restart(b, fastpath.Features{})
	fx := newFixture(b, s, organization)
	took := map[string][]time.Duration{}
	pushed := 0
	for range *rounds {
		for _, v := range variants() {
			restart(b, v.off)
			for i := range 1 + visitPushes {
				fx.rest(b)
				pushed++
				if each := fx.push(b, s.push(pushed)); i > 0 { // the first warms up
					took[v.name] = append(took[v.name], each)
				}
			}
			fx.rest(b)
		}
	}
	all := median(took["all"])
	for _, v := range variants() {
		m := took[v.name]
		fmt.Printf("bench fastpath %s %s median_ms %.1f p95_ms %.1f ratio %.2f pushes %d\n",
			s.name, v.name, milliseconds(median(m)), milliseconds(p95(m)), quotient(median(m), all), len(m))
	}
}

func restart(b *testing.B, off fastpath.Features) {
	b.Helper()
	if err := world.Restart(b.Context(), off); err != nil {
		b.Fatal(err)
	}
}
