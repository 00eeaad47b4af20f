package kube

import (
	"time"
)

// ConflictDelay is how soon a sync looks again when an object changed under its
// hands.
const ConflictDelay = 20 * time.Millisecond
