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

// usage returns when the mirror was last used, its size, and whether it is open.
func (m *mirror) usage() (time.Time, int64, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used, m.bytes, m.open != nil
}

// evict closes and deletes the least recently used mirrors beyond the limits,
// but never the one just used nor one that is being fetched.
func (s *Store) evict(ctx context.Context, keep *mirror) {
	type item struct {
		one   *mirror
		used  time.Time
		bytes int64
		open  bool
	}
	var all []item
	var total int64
	open := 0
	s.mu.Lock()
	for _, one := range s.mirrors {
		used, bytes, isOpen := one.usage()
		total += bytes
		if isOpen {
			open++
		}
		if one != keep {
			all = append(all, item{one, used, bytes, isOpen})
		}
	}
	s.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].used.Before(all[j].used) })
	for _, it := range all {
		overDisk, overOpen := total > s.limits.TotalBytes, open > s.limits.Warm && it.open
		if ctx.Err() != nil || (!overDisk && open <= s.limits.Warm) {
			return
		}
		if (!overDisk && !overOpen) || !it.one.tryLock() {
			continue
		}
		if overDisk && it.bytes > 0 && it.one.remove() == nil {
			total -= it.bytes
		}
		it.one.unload()
		if it.open {
			open--
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
