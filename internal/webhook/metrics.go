package webhook

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/slipway-dev/slipway/internal/fault"
)

// result is what became of a request; the only label, of fixed values.
type result string

const (
	resultAccepted    result = "accepted"
	resultDuplicate   result = "duplicate"
	resultIgnored     result = "ignored"
	resultUnbelieved  result = "unbelieved"
	resultMalformed   result = "malformed"
	resultTooLarge    result = "too_large"
	resultForeign     result = "foreign_repository"
	resultLimited     result = "limited"
	resultUnavailable result = "unavailable"
	resultInternal    result = "internal"
)

// counts is what the door measures.
type counts struct {
	deliveries *prometheus.CounterVec
	seconds    prometheus.Histogram
	bytes      prometheus.Histogram
}

func newCounts(registry prometheus.Registerer) (counts, error) {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	c := counts{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_deliveries_total", Help: "Webhook requests by what became of them.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_delivery_seconds", Help: "Time from a delivery's first byte to its durable answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 10},
		}),
		bytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_delivery_bytes", Help: "Size of the bodies of believed deliveries.",
			Buckets: prometheus.ExponentialBuckets(1<<10, 4, 8),
		}),
	}
	for _, collector := range []prometheus.Collector{c.deliveries, c.seconds, c.bytes} {
		if err := registry.Register(collector); err != nil {
			return counts{}, fault.Wrap(fault.Internal, err, "register the door's metrics")
		}
	}
	return c, nil
}
