//go:build !linux || (!amd64 && !arm64)

package worker

import (
	"fmt"
	"runtime"
)

// confine can't be had here, and rendering unconfined is not an answer.
func confine(confinement) error {
	return fmt.Errorf("rendering can't be confined on %s/%s; run the server on linux/amd64 or linux/arm64", runtime.GOOS, runtime.GOARCH)
}
