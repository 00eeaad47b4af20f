package worker

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// processAttributes make a child die with its parent, and keep a terminal's
// signals from it.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// memoryOf returns the resident memory of a process in bytes, 0 when it is
// gone.
func memoryOf(pid int) int64 {
	fields := procFields(pid, "statm")
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// cpuOf returns the processor time that a process has used.
func cpuOf(pid int) time.Duration {
	// Fields 14 and 15 of stat in proc(5), which counts from 1.
	fields := procFields(pid, "stat")
	if len(fields) < 15 {
		return 0
	}
	user, err := strconv.ParseInt(string(fields[13]), 10, 64)
	if err != nil {
		return 0
	}
	system, err := strconv.ParseInt(string(fields[14]), 10, 64)
	if err != nil {
		return 0
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux
	return time.Duration(user+system) * tick
}

func procFields(pid int, file string) [][]byte {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/" + file)
	if err != nil {
		return nil
	}
	if end := bytes.LastIndexByte(data, ')'); end >= 0 {
		// Keep the positions: the name may hold anything.
		return append([][]byte{nil, nil}, bytes.Fields(data[end+1:])...)
	}
	return bytes.Fields(data)
}
