package mirror

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/packindex"
)

const (
	packSuffix = ".pack"
	idxSuffix  = ".idx"
	packTrail  = 20 // bytes of checksum at the end of a pack
)

// errMissing says that an object is not in the mirror.
var errMissing = errors.New("object not found")

// packs are the objects of one mirror: a directory of packs, opened once and
// kept open. It is safe for concurrent use.
type packs struct {
	dir   string
	limit int64 // largest object to read
	cache *cacheView

	mu   sync.Mutex
	list []*pack // newest first
}

// pack is one open pack with its index.
type pack struct {
	name   string // path without suffix
	size   int64
	index  *idxfile.MemoryIndex
	file   *os.File
	reader *packfile.Packfile
}

// packHandle gives an open file the shape that go-git's pack reader wants.
type packHandle struct{ *os.File }

func (packHandle) Lock() error   { return nil }
func (packHandle) Unlock() error { return nil }

// openPacks opens every pack of a directory and removes what an interrupted
// fetch left behind.
func openPacks(dir string, limit int64, objects *cacheView) (*packs, error) {
	p := &packs{dir: dir, limit: limit, cache: objects}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list packs: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, "tmp_") {
			_ = os.Remove(filepath.Join(dir, name))
		}
		if orphan, ok := strings.CutSuffix(name, idxSuffix); ok && !exists(filepath.Join(dir, orphan+packSuffix)) {
			p.close()
			return nil, fmt.Errorf("index %s has no pack: %w", name, git.ErrDamaged)
		}
		if !strings.HasSuffix(name, packSuffix) {
			continue
		}
		one, err := openPack(filepath.Join(dir, strings.TrimSuffix(name, packSuffix)), objects)
		if err != nil {
			p.close()
			return nil, fmt.Errorf("open pack %s: %w", name, err)
		}
		p.list = append(p.list, one)
	}
	return p, nil
}

// openPack opens one pack and checks that index and pack belong together.
func openPack(name string, objects cache.Object) (*pack, error) {
	f, err := os.Open(name + idxSuffix)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	defer func() { _ = f.Close() }()
	index := idxfile.NewMemoryIndex()
	if err := decodeIndex(f, index); err != nil {
		return nil, err
	}
	return usePack(name, index, objects)
}

func decodeIndex(f *os.File, index *idxfile.MemoryIndex) (err error) {
	defer git.RecoverAs(&err)
	if err := idxfile.NewDecoder(f).Decode(index); err != nil {
		return fmt.Errorf("read index: %w", err)
	}
	return nil
}

// usePack opens a pack whose index is at hand.
func usePack(name string, index *idxfile.MemoryIndex, objects cache.Object) (*pack, error) {
	f, err := os.Open(name + packSuffix)
	if err != nil {
		return nil, fmt.Errorf("open pack: %w", err)
	}
	size, err := checkTrail(f, index.PackfileChecksum[:])
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &pack{
		name:   name,
		size:   size,
		index:  index,
		file:   f,
		reader: packfile.NewPackfileWithCache(index, nil, packHandle{f}, objects, 0),
	}, nil
}

// checkTrail compares the checksum at the pack's end with the index's.
func checkTrail(f *os.File, want []byte) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("look at pack: %w", err)
	}
	got := make([]byte, packTrail)
	if _, err := f.ReadAt(got, info.Size()-packTrail); err != nil {
		return 0, fmt.Errorf("read the pack's checksum: %w", err)
	}
	if !bytes.Equal(got, want) {
		return 0, fmt.Errorf("pack and index don't match: %w", git.ErrDamaged)
	}
	return info.Size(), nil
}

// has says whether an object is here.
func (p *packs) has(h plumbing.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.find(h) != nil
}

func (p *packs) find(h plumbing.Hash) *pack {
	for _, one := range p.list {
		if found, _ := one.index.Contains(h); found {
			return one
		}
	}
	return nil
}

// object reads one object. It fails with errMissing when it is not here and
// with errDamaged when its bytes are not what its id says.
func (p *packs) object(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.find(h)
	if one == nil {
		return plumbing.InvalidObject, nil, fmt.Errorf("object %s: %w", h, errMissing)
	}
	object, err := readPacked(one, h)
	if err != nil {
		return plumbing.InvalidObject, nil, fmt.Errorf("read object %s: %w", h, errors.Join(err, git.ErrDamaged))
	}
	if object.Hash() != h {
		return plumbing.InvalidObject, nil, fmt.Errorf("object %s reads as %s: %w", h, object.Hash(), git.ErrDamaged)
	}
	data, err := git.ObjectBytes(object, p.limit)
	return object.Type(), data, err
}

func readPacked(one *pack, h plumbing.Hash) (_ plumbing.EncodedObject, err error) {
	defer git.RecoverAs(&err)
	if err := one.checkChain(h); err != nil {
		return nil, err
	}
	return one.reader.Get(h)
}

// checkChain follows an object to the whole one that it builds on. A delta that names
// its base by its id may lead back to itself, where an id stands in a pack twice: the
// pack reader would follow it until the process dies.
func (p *pack) checkChain(h plumbing.Hash) error {
	offset, err := p.index.FindOffset(h)
	for range packindex.MaxDepth {
		if err != nil {
			return err
		}
		header, failed := p.reader.Scanner().SeekObjectHeader(offset)
		if failed != nil {
			return failed
		}
		switch header.Type {
		case plumbing.OFSDeltaObject:
			offset = header.OffsetReference
		case plumbing.REFDeltaObject:
			offset, err = p.index.FindOffset(header.Reference)
		default:
			return nil
		}
	}
	return fmt.Errorf("more than %d deltas build on each other", packindex.MaxDepth)
}

// add takes a pack that was just written.
func (p *packs) add(one *pack) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, old := range p.list {
		if old.name == one.name {
			_ = one.file.Close()
			return
		}
	}
	p.list = slices.Insert(p.list, 0, one)
}

// size returns the bytes on disk, indexes not counted.
func (p *packs) size() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum int64
	for _, one := range p.list {
		sum += one.size
	}
	return sum
}

// indexBytes returns how much memory the indexes take: an object's id and place, and
// the way back from its place, which go-git makes when it reads a delta.
func (p *packs) indexBytes() int64 {
	const each = 28 + 72
	p.mu.Lock()
	defer p.mu.Unlock()
	var sum int64
	for _, one := range p.list {
		count, err := one.index.Count()
		if err == nil {
			sum += count * each
		}
	}
	return sum
}

// count returns the number of packs.
func (p *packs) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.list)
}

// close closes the files. Later reads find nothing.
func (p *packs) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.list {
		_ = one.file.Close()
	}
	p.list = nil
}

// commit reads and decodes a commit object.
func (p *packs) commit(h plumbing.Hash) (*object.Commit, error) {
	kind, data, err := p.object(h)
	if err != nil {
		return nil, err
	}
	return git.DecodeCommit(h, kind, data)
}
