//go:build !linux

package worker

import (
	"syscall"
	"time"
)

// processAttributes has nothing to add where children can't be confined.
func processAttributes() *syscall.SysProcAttr { return nil }

// memoryOf and cpuOf are never asked where no child can start.
func memoryOf(int) int64 { return 0 }

func cpuOf(int) time.Duration { return 0 }
