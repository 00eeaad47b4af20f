package offline

import (
	"math"
	"runtime/debug"
)

// MaxMemory is what a command that works in a repository may occupy, in bytes. What
// it reads is bounded before it is read, so that this is never met; the bound stands
// behind that, for what libraries do with input that nobody thought of.
const MaxMemory = 512 << 20

// BoundMemory bounds the memory of this process from now on: garbage is collected
// before three quarters of MaxMemory are in use, and beyond MaxMemory the operating
// system gives no more, where it can.
func BoundMemory() {
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(MaxMemory / 4 * 3)
	}
	boundData(MaxMemory)
}
