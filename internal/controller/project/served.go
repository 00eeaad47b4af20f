package project

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// maxServed bounds what a DeliveryCleaner remembers; a delivery that is forgotten too early
// costs a sync that finds nothing.
const maxServed = 10_000

// servedDelivery is a delivery as it was at one time: one that is delivered
// again, or to be replayed, counts anew.
type servedDelivery struct {
	uid     types.UID
	version string
}

func servedOf(d *v1alpha1.Delivery) servedDelivery {
	return servedDelivery{d.UID, d.ResourceVersion}
}
