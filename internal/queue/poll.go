package queue

import (
	"time"
)

// ReservedPoll is after how long a reconciler looks again at what is handed off
// at the moment.
const ReservedPoll = 200 * time.Millisecond

// StopPoll is how often a stage that ends looks whether its running release
// has stopped.
const StopPoll = 200 * time.Millisecond
