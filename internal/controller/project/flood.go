package project

import (
	"time"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// It is a flood when more than floodSize deliveries of a project come within
// floodTime: faster than anybody pushes, or looks at them.
const (
	floodSize = 30
	floodTime = 10 * time.Second
)

// flood reports whether the newest of some deliveries, oldest first, came as a
// flood.
func flood(deliveries []v1alpha1.Delivery) bool {
	newest := len(deliveries) - 1
	if newest < floodSize {
		return false
	}
	return deliveries[newest].Spec.Received.Sub(deliveries[newest-floodSize].Spec.Received.Time) < floodTime
}
