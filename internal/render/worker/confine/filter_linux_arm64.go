package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	// foreignCalls is above every number of this architecture.
	foreignCalls = 0x40000000
)

// allowedCalls adds what only this architecture has: nothing.
func allowedCalls() []uint32 { return commonCalls() }
