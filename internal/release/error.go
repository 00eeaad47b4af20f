package release

import "errors"

// ErrSuperseded is the cause with which a release's context is cancelled when
// a newer release of the same stage takes over.
var ErrSuperseded = errors.New("superseded by a newer release of the stage")
