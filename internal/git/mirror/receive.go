package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"golang.org/x/sync/semaphore"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/packindex"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

// receive writes a pack sent by a server next to the others, indexes it, and
// makes its objects readable. Only a complete, checked pack becomes visible.
func (p *packs) receive(ctx context.Context, stream io.Reader, max int64, l git.Limits) error {
	tmp, err := os.CreateTemp(p.dir, "tmp_pack_*")
	if err != nil {
		return fmt.Errorf("write pack: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	defer func() { _ = tmp.Close() }()
	count, err := wire.CopyPack(tmp, stream, max, l)
	if err != nil || count == 0 {
		return err
	}
	index, err := indexPack(ctx, tmp, int(count), p.cache.cache.indexing)
	if err != nil {
		return fmt.Errorf("index pack: %w", err)
	}
	return p.publish(tmp.Name(), index)
}

// indexPack builds a pack's index. Those of large packs wait for each other.
func indexPack(ctx context.Context, f *os.File, count int, memory *semaphore.Weighted) (_ *idxfile.MemoryIndex, err error) {
	defer git.RecoverAs(&err)
	need := min(packindex.Memory(count), indexMemory)
	if err := memory.Acquire(ctx, need); err != nil {
		return nil, fmt.Errorf("wait for memory: %w", err)
	}
	defer memory.Release(need)
	entries, checksum, err := packindex.Build(ctx, f, filepath.Dir(f.Name()))
	if err != nil {
		return nil, err
	}
	return newIndex(entries, checksum), nil
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
