//go:build amd64 || arm64

package confine

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Self confines this process, with all its threads. There is no way back; an
// error means that it may be confined in part, and should end.
func Self(limits Limits) error {
	if err := limitResources(limits); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	return installFilter(filter(os.Getpid()))
}

// limitResources are backstops; the parent watches tighter limits.
func limitResources(limits Limits) error {
	// The address space can't be limited, since Go reserves much of it; data
	// counts what is mapped for writing, in arenas of 64 MiB.
	const arenas = 256 << 20
	for resource, most := range map[int]uint64{
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  0,
		unix.RLIMIT_NOFILE: 64,
		unix.RLIMIT_CPU:    uint64(limits.CPU),             //nolint:gosec // the parent sends a positive number
		unix.RLIMIT_DATA:   uint64(limits.Memory) + arenas, //nolint:gosec // the parent sends a positive number
	} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit resource %d to %d: %w", resource, most, err)
		}
	}
	return nil
}

// installFilter puts the program on every thread of the process.
func installFilter(program []unix.SockFilter) error {
	sock := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]} //nolint:gosec // a hundred or so
	failed, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&sock))) //nolint:gosec // the call takes a pointer
	switch {
	case errno != 0:
		return fmt.Errorf("install the system call filter: %w", errno)
	case failed != 0:
		return fmt.Errorf("install the system call filter: thread %d can't take it", failed)
	}
	return nil
}
