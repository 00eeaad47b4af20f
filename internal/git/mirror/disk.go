package mirror

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"
)

// tidy keeps the number of packs, the disk and the memory within limits after
// a fetch. The mirror is locked.
func (s *Store) tidy(ctx context.Context, one *mirror) error {
	r := one.current()
	if r == nil {
		return nil
	}
	if r.packs.count() > s.limits.Packs {
		if err := r.packs.merge(); err != nil {
			return err
		}
	}
	now := time.Now()
	_ = os.Chtimes(one.dir, now, now) // the order of use survives a restart; nothing depends on it
	one.recordSize(r)
	s.evict(ctx, one)
	return nil
}

// recordSize records the mirror's size on disk.
func (m *mirror) recordSize(r *repository) {
	size := r.packs.size()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes = size
}

// usage is what a mirror takes.
type usage struct {
	one   *mirror
	used  time.Time // when it was last used
	bytes int64     // on disk
	open  bool
	index int64 // bytes of indexes in memory
}

func (m *mirror) usage() usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	u := usage{one: m, used: m.used, bytes: m.bytes, open: m.open != nil}
	if u.open {
		u.index = m.open.packs.indexBytes()
	}
	return u
}

// evict closes and deletes the least recently used mirrors beyond the limits,
// but never the one just used nor one that is being fetched.
func (s *Store) evict(ctx context.Context, keep *mirror) {
	var all []usage
	var total, index int64
	open := 0
	s.mu.Lock()
	for _, one := range s.mirrors {
		u := one.usage()
		total, index = total+u.bytes, index+u.index
		if u.open {
			open++
		}
		if one != keep {
			all = append(all, u)
		}
	}
	s.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].used.Before(all[j].used) })
	for _, it := range all {
		overDisk, overMemory := total > s.limits.TotalBytes, open > s.limits.Warm || index > s.limits.IndexBytes
		if ctx.Err() != nil || (!overDisk && !overMemory) {
			return
		}
		if (!overDisk && !it.open) || !it.one.tryLock() {
			continue
		}
		if overDisk && it.bytes > 0 && it.one.remove() == nil {
			total -= it.bytes
		}
		it.one.unload()
		if it.open {
			open--
			index -= it.index
		}
		it.one.unlock()
	}
}

// directoryBytes adds up the files below a directory.
func directoryBytes(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // a file that vanished has no size
		}
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}
