package process

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Wait returns when the process, which needs not be a child, is gone.
func (i Identity) Wait(ctx context.Context) error {
	descriptor, err := unix.PidfdOpen(i.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch process %d: %w", i.PID, err)
	}
	defer func() { _ = unix.Close(descriptor) }() // nothing was written
	if !i.Alive() {
		return nil // the number is somebody else's now
	}
	const everySoOften = 500 // milliseconds between looks at the context
	for ctx.Err() == nil {
		events := []unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLIN}}
		ready, err := unix.Poll(events, everySoOften)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch process %d: %w", i.PID, err)
		}
		if ready > 0 {
			return nil
		}
	}
	return ctx.Err()
}
