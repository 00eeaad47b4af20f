package wire

import (
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/slipway-dev/slipway/internal/git"
)

// CopyPack copies a pack of at most max bytes and returns the number of its
// objects. Objects are inflated one after the other and not kept, so that the
// limits hold before anything inflates the pack in memory.
func CopyPack(dst io.Writer, src io.Reader, max int64, l git.Limits) (count uint32, err error) {
	defer git.RecoverAs(&err)
	r := io.TeeReader(&boundedReader{r: src, left: max}, dst)
	scanner := packfile.NewScanner(r)
	_, count, err = scanner.Header()
	if err != nil {
		return 0, fmt.Errorf("read pack: %w", err)
	}
	if int64(count) > int64(l.Objects) {
		return 0, fmt.Errorf("the pack has %d objects, more than the limit of %d: %w", count, l.Objects, git.ErrTooLarge)
	}
	var total int64
	for range count {
		size, err := skipObject(scanner, l.ObjectBytes)
		if err != nil {
			return 0, err
		}
		if total += size; total > l.InflatedBytes {
			return 0, fmt.Errorf("the pack inflates to more than the limit of %d bytes: %w", l.InflatedBytes, git.ErrTooLarge)
		}
	}
	if _, err := scanner.Checksum(); err != nil {
		return 0, fmt.Errorf("check pack: %w", err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return 0, fmt.Errorf("read the pack's end: %w", err)
	}
	return count, nil
}

// skipObject reads past one object and returns its size when inflated.
func skipObject(scanner *packfile.Scanner, limit int64) (int64, error) {
	header, err := scanner.NextObjectHeader()
	if err != nil {
		return 0, fmt.Errorf("read pack: %w", err)
	}
	if header.Length > limit {
		return 0, objectTooLarge(header.Length, limit)
	}
	head := headBuffer{max: 32}
	if _, _, err := scanner.NextObject(&head); err != nil {
		return 0, fmt.Errorf("read pack: %w", err)
	}
	if !header.Type.IsDelta() {
		return header.Length, nil
	}
	size := deltaTarget(head.buf.Bytes())
	if size > limit {
		return 0, objectTooLarge(size, limit)
	}
	return size, nil
}

func objectTooLarge(size, limit int64) error {
	return fmt.Errorf("the pack has an object of %d bytes, more than the limit of %d: %w", size, limit, git.ErrTooLarge)
}

// unbounded stands for a size that no limit allows.
const unbounded = 1 << 62

// deltaTarget reads the second number of a delta: the size of its result.
func deltaTarget(delta []byte) int64 {
	_, delta = deltaNumber(delta)
	size, _ := deltaNumber(delta)
	return size
}

// deltaNumber reads one number and returns it with what follows.
func deltaNumber(delta []byte) (int64, []byte) {
	var value int64
	for i, c := range delta {
		shift := 7 * i
		if shift >= 62 {
			return unbounded, nil
		}
		value |= int64(c&0x7f) << shift
		if c&0x80 == 0 {
			return value, delta[i+1:]
		}
	}
	return unbounded, nil // cut off; indexing would fail on it anyway
}
