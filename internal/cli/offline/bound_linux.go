package offline

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// boundData limits what this process may map for writing to so much more than it has
// mapped already: Go maps some for itself when it starts. Children may have more, since
// they have a limit of their own. Where it can't be limited, it is not.
func boundData(more uint64) {
	var limit unix.Rlimit
	mapped, known := mappedData()
	if !known || unix.Getrlimit(unix.RLIMIT_DATA, &limit) != nil {
		return
	}
	limit.Cur = min(limit.Cur, mapped+more)
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &limit)
}

// mappedData returns the bytes that are mapped for writing.
func mappedData() (uint64, bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, after, _ := bytes.Cut(status, []byte("\nVmData:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0, false
	}
	kibibytes, err := strconv.ParseUint(string(fields[0]), 10, 64)
	return kibibytes << 10, err == nil
}
