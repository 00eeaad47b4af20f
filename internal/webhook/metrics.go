package webhook

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/slipway-dev/slipway/internal/fault"
)

// result is what became of a request. It is the only label, with fixed values.
type result string

const (
	resultAccepted        result = "accepted"
	resultDuplicate       result = "duplicate"
	resultIgnored         result = "ignored"
	resultUnauthenticated result = "unauthenticated"
	resultMalformed       result = "malformed"
	resultTooLarge        result = "too_large"
	resultForeign         result = "foreign_repository"
	resultLimited         result = "limited"
	resultUnavailable     result = "unavailable"
	resultInternal        result = "internal"
)

// metrics are the receiver's.
type metrics struct {
	deliveries *prometheus.CounterVec
	seconds    prometheus.Histogram
	bytes      prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer) (metrics, error) {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	m := metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "slipway_deliveries_total", Help: "Webhook requests by result.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_delivery_seconds", Help: "Time to receive and store a delivery.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 10},
		}),
		bytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "slipway_delivery_bytes", Help: "Body size of authenticated deliveries.",
			Buckets: prometheus.ExponentialBuckets(1<<10, 4, 8),
		}),
	}
	for _, collector := range []prometheus.Collector{m.deliveries, m.seconds, m.bytes} {
		if err := registry.Register(collector); err != nil {
			return metrics{}, fault.Wrap(fault.Internal, err, "register the webhook receiver's metrics")
		}
	}
	return m, nil
}
