//go:build !linux || (!amd64 && !arm64)

package confine

import (
	"fmt"
	"runtime"
)

// Self always fails here: rendering unconfined is not an answer.
func Self(Limits) error {
	return fmt.Errorf("rendering can't be confined on %s/%s; run the server on linux/amd64 or linux/arm64", runtime.GOOS, runtime.GOARCH)
}
