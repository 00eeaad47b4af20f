package project

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// maxServed bounds what is remembered; a delivery that is forgotten too early
// costs a sync that finds nothing.
const maxServed = 10_000

// servedMemory remembers the deliveries that were dealt with, which the watch
// cache may still show as waiting. The zero value is ready.
type servedMemory map[servedDelivery]bool

// servedDelivery is a delivery as it was at one time: one that is delivered
// again, or to be replayed, counts anew.
type servedDelivery struct {
	uid     types.UID
	version string
}

func servedOf(d *v1alpha1.Delivery) servedDelivery {
	return servedDelivery{d.UID, d.ResourceVersion}
}

func (m *servedMemory) note(d servedDelivery) {
	if *m == nil || len(*m) >= maxServed {
		*m = servedMemory{}
	}
	(*m)[d] = true
}

func (m *servedMemory) knows(d servedDelivery) bool { return (*m)[d] }
