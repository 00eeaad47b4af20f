package forge

import (
	"time"
)

// BusyDelay is how long a report, or a sync, waits for others of the same
// forge.
const BusyDelay = 250 * time.Millisecond
