package controller

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// maxServed bounds what is remembered; a delivery that is forgotten too early
// costs a sync that finds nothing.
const maxServed = 10_000

// servedMemory remembers the deliveries that syncs served, which the watch
// cache may still show as waiting. The zero value is ready. It is safe for
// concurrent use.
type servedMemory struct {
	mu     sync.Mutex
	served map[servedDelivery]bool
}

// servedDelivery is a delivery and how often it had been served before: one
// that failed and is delivered again counts anew.
type servedDelivery struct {
	uid      types.UID
	attempts int32
}

func (m *servedMemory) note(d *v1alpha1.Delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.served == nil || len(m.served) >= maxServed {
		m.served = map[servedDelivery]bool{}
	}
	m.served[servedDelivery{d.UID, d.Status.Attempts}] = true
}

func (m *servedMemory) knows(d *v1alpha1.Delivery) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.served[servedDelivery{d.UID, d.Status.Attempts}]
}
