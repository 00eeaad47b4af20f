package controller

import (
	"time"
)

// Who waits for whom, and for how long at most.
const (
	// StatusGateLimit is for statuses, while releases have objects to apply.
	StatusGateLimit = 500 * time.Millisecond
	// deliveryGateLimit is for the tidying of deliveries, while the door keeps new ones.
	deliveryGateLimit = 50 * time.Millisecond
)
