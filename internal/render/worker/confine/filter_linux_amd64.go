package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// foreignCalls is where the numbers of the x32 interface begin.
	foreignCalls = 0x40000000
)

// allowedCalls adds what only this architecture has.
func allowedCalls() []uint32 {
	return append(commonCalls(), unix.SYS_EPOLL_WAIT)
}
