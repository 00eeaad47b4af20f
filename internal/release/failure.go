package release

import "errors"

// ErrSuperseded is the cause with which a release's context is cancelled when
// a newer release of the same stage takes over.
var ErrSuperseded = errors.New("superseded by a newer release of the stage")

// Failure is an outcome that another try doesn't change: a cause for machines and
// a sentence for people.
type Failure struct {
	Cause   string
	Message string
	// Refused says by service why it was left as it was; all others were released.
	// It is empty when the failure is one of the whole release.
	Refused map[string]string
}

// Error returns the sentence.
func (f *Failure) Error() string { return f.Message }

// Causes of refused and of rejected releases.
const (
	CauseDenied      = "Denied"
	CauseInvalid     = "Invalid"
	CausePaused      = "Paused"
	CauseQuarantined = "Quarantined"
	CauseConflict    = "Conflict"
	CauseRejected    = "Rejected"
)
