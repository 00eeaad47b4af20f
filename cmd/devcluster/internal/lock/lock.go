package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Lock is held until Release.
type Lock struct{ file *os.File }

// Acquire waits for the lock that the file stands for, making the file and its
// folder.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	for {
		file, err := try(path)
		if err != nil {
			return nil, err
		}
		if file != nil {
			return &Lock{file: file}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s, which another devcluster holds: %w", path, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Release gives the lock back.
func (l *Lock) Release() { _ = l.file.Close() } // closing unlocks; nothing was written

// Discard removes the file and gives the lock back. Who waits for it makes a new one.
func (l *Lock) Discard() error {
	defer l.Release()
	if err := os.Remove(l.file.Name()); err != nil {
		return fmt.Errorf("remove lock: %w", err)
	}
	return nil
}

// try returns nil when somebody else holds the lock.
func try(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make folder of lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil && isAt(path, file) {
		return file, nil
	}
	_ = file.Close()
	if err == nil || errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return nil, nil // held, or discarded since it was opened
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}

// isAt says whether path still leads to the open file: its last holder may have
// removed it.
func isAt(path string, file *os.File) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(opened, there)
}
