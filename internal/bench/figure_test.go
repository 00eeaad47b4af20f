//go:build integration

package bench

import (
	"fmt"
	"slices"
	"time"
)

// measurements are the figures of one case.
type measurements struct {
	name, what     string
	pushes, floors []time.Duration
	spent          spent // by all pushes
	peak           int64 // bytes
}

// print writes the figures, one plain line each. Requests and processor time
// are those of the server for one push, from its delivery until nothing is
// left to do.
func (m measurements) print() {
	fmt.Printf("bench %s median_ms %.1f p95_ms %.1f floor_ms %.1f ratio %.2f\n",
		m.name, milliseconds(median(m.pushes)), milliseconds(p95(m.pushes)), milliseconds(median(m.floors)), m.ratio())
	n := max(1, len(m.pushes))
	fmt.Printf("bench %s requests %s cpu_s %.3f peak_mib %.0f\n", m.name, m.spent.perPush(n), m.processor().Seconds(), mebibytes(m.peak))
}

// ratio is the median beside the floor's.
func (m measurements) ratio() float64 { return quotient(median(m.pushes), median(m.floors)) }

// tail is the 95th percentile beside the median of the floor.
func (m measurements) tail() float64 { return quotient(p95(m.pushes), median(m.floors)) }

func quotient(a, b time.Duration) float64 { return float64(a) / max(float64(b), 1) }

// processor is what one push cost.
func (m measurements) processor() time.Duration {
	return m.spent.processor / time.Duration(max(1, len(m.pushes)))
}

func median(all []time.Duration) time.Duration { return quantile(all, 0.5) }
func p95(all []time.Duration) time.Duration    { return quantile(all, 0.95) }

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
