//go:build amd64 || arm64

package confine

import "golang.org/x/sys/unix"

// Offsets in struct seccomp_data.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16
)

// What the filter answers.
const (
	retAllow  = unix.SECCOMP_RET_ALLOW
	retDenied = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	retAbsent = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	retKill   = unix.SECCOMP_RET_KILL_PROCESS
)

// prSetVMA names a memory mapping (linux/prctl.h), which Go's allocator does.
const prSetVMA = 0x53564d41

// filter allows the calls that a Go program needs once it has opened what it
// needs: memory, threads of its own, clocks, and reading and writing what is
// open. Everything else fails with EPERM.
func filter(pid int) []unix.SockFilter {
	p := program{}
	p.load(dataArch)
	p.unless(unix.BPF_JEQ, auditArch, retKill)
	p.load(dataNumber)
	p.when(unix.BPF_JGE, foreignCalls, retDenied)
	for _, number := range allowedCalls() {
		p.when(unix.BPF_JEQ, number, retAllow)
	}
	// A new thread, but no new process.
	p.argument(unix.SYS_CLONE, 0, unix.BPF_JSET, unix.CLONE_THREAD, retAllow, retDenied)
	// Its arguments are behind a pointer: the caller falls back to clone.
	p.when(unix.BPF_JEQ, unix.SYS_CLONE3, retAbsent)
	// Signals to own threads.
	p.argument(unix.SYS_TGKILL, 0, unix.BPF_JEQ, uint32(pid), retAllow, retDenied) //nolint:gosec // process ids are positive
	p.argument(unix.SYS_PRCTL, 0, unix.BPF_JEQ, prSetVMA, retAllow, retDenied)
	// Memory, but no new code.
	p.argument(unix.SYS_MMAP, 2, unix.BPF_JSET, unix.PROT_EXEC, retDenied, retAllow)
	p.argument(unix.SYS_MPROTECT, 2, unix.BPF_JSET, unix.PROT_EXEC, retDenied, retAllow)
	p.answer(retDenied)
	return p.code
}

// commonCalls are allowed whatever their arguments, on every architecture.
func commonCalls() []uint32 {
	return []uint32{
		unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_CLOSE,
		unix.SYS_MUNMAP, unix.SYS_MADVISE, unix.SYS_MINCORE,
		unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY,
		unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
		unix.SYS_GETPID, unix.SYS_GETTID, unix.SYS_GETRANDOM,
		unix.SYS_GETCWD, // it is / for every child; schema libraries ask
		unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK,
		unix.SYS_RESTART_SYSCALL, unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ,
		unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT, unix.SYS_EVENTFD2, unix.SYS_FCNTL,
		unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	}
}

// program is a classic BPF program under construction.
type program struct{ code []unix.SockFilter }

func (p *program) load(offset uint32) {
	p.code = append(p.code, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset})
}

func (p *program) answer(with uint32) {
	p.code = append(p.code, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: with})
}

// when answers if the loaded value compares with k.
func (p *program) when(compare uint16, k, with uint32) {
	p.code = append(p.code, unix.SockFilter{Code: unix.BPF_JMP | compare | unix.BPF_K, Jt: 0, Jf: 1, K: k})
	p.answer(with)
}

// unless answers if it doesn't.
func (p *program) unless(compare uint16, k, with uint32) {
	p.code = append(p.code, unix.SockFilter{Code: unix.BPF_JMP | compare | unix.BPF_K, Jt: 1, Jf: 0, K: k})
	p.answer(with)
}

// argument decides a call by the low half of one argument. Both supported
// architectures are little-endian.
func (p *program) argument(number, index uint32, compare uint16, k, then, otherwise uint32) {
	const steps = 4
	p.code = append(p.code, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 0, Jf: steps, K: number})
	p.load(dataArgs + 8*index)
	p.when(compare, k, then)
	p.answer(otherwise)
}
