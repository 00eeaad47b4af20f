package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// receive writes a pack sent by a server next to the others, indexes it, and
// makes its objects readable. Only a complete, checked pack becomes visible.
func (p *packs) receive(ctx context.Context, stream io.Reader, max int64, l Limits) error {
	tmp, err := os.CreateTemp(p.dir, "tmp_pack_*")
	if err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	defer func() { _ = tmp.Close() }()
	count, err := copyPack(tmp, stream, max, l)
	if err != nil || count == 0 {
		return err
	}
	index, err := indexPack(ctx, tmp)
	if err != nil {
		return fmt.Errorf("index pack: %w", err)
	}
	return p.publish(tmp.Name(), index)
}

// copyPack copies a pack of at most max bytes and returns the number of its
// objects. Objects are inflated one after the other and not kept, so that the
// limits hold before anything inflates the pack in memory.
func copyPack(dst io.Writer, src io.Reader, max int64, l Limits) (count uint32, err error) {
	defer recoverAs(&err)
	r := io.TeeReader(&boundedReader{r: src, left: max}, dst)
	scanner := packfile.NewScanner(r)
	_, count, err = scanner.Header()
	if err != nil {
		return 0, fmt.Errorf("read pack: %w", err)
	}
	if int64(count) > int64(l.Objects) {
		return 0, fmt.Errorf("the pack has %d objects, more than the limit of %d: %w", count, l.Objects, errTooLarge)
	}
	var total int64
	for range count {
		size, err := skipObject(scanner, l.ObjectBytes)
		if err != nil {
			return 0, err
		}
		if total += size; total > l.InflatedBytes {
			return 0, fmt.Errorf("the pack inflates to more than the limit of %d bytes: %w", l.InflatedBytes, errTooLarge)
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
	return fmt.Errorf("the pack has an object of %d bytes, more than the limit of %d: %w", size, limit, errTooLarge)
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

// indexPack builds a pack's index.
func indexPack(ctx context.Context, f *os.File) (_ *idxfile.MemoryIndex, err error) {
	defer recoverAs(&err)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewind pack: %w", err)
	}
	writer := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(&contextFile{f, ctx}), writer)
	if err != nil {
		return nil, fmt.Errorf("parse pack: %w", err)
	}
	if _, err := parser.Parse(); err != nil {
		return nil, fmt.Errorf("parse pack: %w", err)
	}
	return writer.Index()
}

// contextFile stops a long parse when its context ends.
type contextFile struct {
	*os.File
	ctx context.Context // lives for one parse: the parser takes no context
}

func (f *contextFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

// publish gives a finished pack its name and opens it. The index comes first:
// a pack is never there without one.
func (p *packs) publish(tmp string, index *idxfile.MemoryIndex) error {
	name := filepath.Join(p.dir, "pack-"+plumbing.Hash(index.PackfileChecksum).String())
	if err := writeIndex(name+idxSuffix, index); err != nil {
		return err
	}
	if err := os.Rename(tmp, name+packSuffix); err != nil {
		return fmt.Errorf("name pack: %w", err)
	}
	one, err := usePack(name, index, p.cache)
	if err != nil {
		return err
	}
	p.add(one)
	return nil
}

func writeIndex(name string, index *idxfile.MemoryIndex) error {
	f, err := os.CreateTemp(filepath.Dir(name), "tmp_idx_*")
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = idxfile.NewEncoder(f).Encode(index)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fmt.Errorf("name index: %w", err)
	}
	return nil
}
