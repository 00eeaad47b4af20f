package report

import (
	"github.com/slipway-dev/slipway/internal/api/v1alpha1"
)

// PendingRelease is a release to be told of. Status is false when a newer one
// of the same commit has the word under the stage's name.
type PendingRelease struct {
	Release *v1alpha1.Release
	Status  bool
}
