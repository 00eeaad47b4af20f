package packindex

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

const (
	// MaxDepth is how many deltas may build on each other; git makes 4,095 at most.
	MaxDepth = 4096
	// objectBytes is the memory of one object while a pack is indexed: its entry, what it
	// builds on, whether its id is known, and its place in the order of deltas.
	objectBytes = 32 + 4 + 1 + 24
)

// Memory returns how many bytes Build needs for a pack of so many objects, besides the
// entries that it returns.
func Memory(objects int) int64 { return int64(objects)*objectBytes + memoryBytes + overheadBytes }

// overheadBytes is what readers and decompressors take.
const overheadBytes = 1 << 20

// Bases of objects that build on none, or on one that they name by its id.
const (
	whole = -1
	named = -2
)

// Build lists the objects of a pack in the order of their places, and returns the
// pack's checksum. An object may stand there more than once. Contents that don't fit
// into memory are kept in a file of the directory until it returns.
func Build(ctx context.Context, pack *os.File, dir string) ([]idxfile.Entry, plumbing.Hash, error) {
	return build(ctx, pack, contents{dir: dir, most: memoryBytes})
}

func build(ctx context.Context, pack *os.File, contents contents) ([]idxfile.Entry, plumbing.Hash, error) {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return nil, plumbing.ZeroHash, fmt.Errorf("rewind pack: %w", err)
	}
	b := &builder{scanner: packfile.NewScanner(&contextFile{pack, ctx}), contents: contents}
	defer b.contents.close()
	checksum, err := b.list()
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	b.order()
	if err := b.resolveAll(); err != nil {
		return nil, plumbing.ZeroHash, err
	}
	return b.entries, checksum, nil
}

// contextFile stops a long read when its context ends.
type contextFile struct {
	*os.File
	ctx context.Context // lives for one index: the scanner takes no context
}

func (f *contextFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	return f.File.Read(p)
}

// builder indexes one pack.
type builder struct {
	scanner  *packfile.Scanner
	entries  []idxfile.Entry
	bases    []int32 // what each builds on: an entry, whole, or named
	known    []bool  // whether an entry has its id
	placed   []int32 // the deltas that name their base by its place, in the order of bases
	byID     []reference
	contents contents
}

// reference is a delta that names its base by its id; they are in the order of ids.
type reference struct {
	base  plumbing.Hash
	delta int32
}

// list reads the pack once: every object's place, and the ids of those that are whole.
func (b *builder) list() (plumbing.Hash, error) {
	_, count, err := b.scanner.Header()
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read the pack's header: %w", err)
	}
	b.entries, b.bases, b.known = make([]idxfile.Entry, 0, count), make([]int32, 0, count), make([]bool, 0, count)
	for range count {
		if err := b.add(); err != nil {
			return plumbing.ZeroHash, fmt.Errorf("read object %d of the pack: %w", len(b.entries)+1, err)
		}
	}
	checksum, err := b.scanner.Checksum()
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("read the pack's checksum: %w", err)
	}
	return checksum, nil
}

// add reads the next object.
func (b *builder) add() error {
	header, err := b.scanner.NextObjectHeader()
	if err != nil {
		return err
	}
	entry := idxfile.Entry{Offset: uint64(header.Offset)} //nolint:gosec // places are not negative
	base := int32(whole)
	into := io.Discard
	var hasher plumbing.Hasher
	switch header.Type {
	case plumbing.OFSDeltaObject:
		if base = b.at(header.OffsetReference); base < 0 {
			return errors.New("it builds on what is no object")
		}
	case plumbing.REFDeltaObject:
		base = named
		b.byID = append(b.byID, reference{header.Reference, int32(len(b.entries))}) //nolint:gosec // counted in 32 bits
	default:
		hasher = plumbing.NewHasher(header.Type, header.Length)
		into = hasher
	}
	written, sum, err := b.scanner.NextObject(into)
	if err != nil {
		return err
	}
	if written != header.Length {
		return errors.New("it is shorter than it says")
	}
	if base == whole {
		entry.Hash = hasher.Sum()
	}
	entry.CRC32 = sum
	b.entries, b.bases, b.known = append(b.entries, entry), append(b.bases, base), append(b.known, base == whole)
	return nil
}

// at returns the entry at a place, or whole.
func (b *builder) at(offset int64) int32 {
	i := sort.Search(len(b.entries), func(i int) bool { return int64(b.entries[i].Offset) >= offset }) //nolint:gosec // as above
	if i == len(b.entries) || int64(b.entries[i].Offset) != offset {                                   //nolint:gosec // as above
		return whole
	}
	return int32(i) //nolint:gosec // a pack counts its objects in 32 bits, and limits are far below
}

// order sorts the deltas by what they build on.
func (b *builder) order() {
	for i, base := range b.bases {
		if base >= 0 {
			b.placed = append(b.placed, int32(i))
		}
	}
	slices.SortFunc(b.placed, func(i, j int32) int { return cmp.Compare(b.bases[i], b.bases[j]) })
	slices.SortFunc(b.byID, func(i, j reference) int { return bytes.Compare(i.base[:], j.base[:]) })
}

// deltasOf returns the deltas that build on an entry whose id is known.
func (b *builder) deltasOf(i int32) []int32 {
	from, _ := slices.BinarySearchFunc(b.placed, i, func(delta, base int32) int { return cmp.Compare(b.bases[delta], base) })
	to := from
	for to < len(b.placed) && b.bases[b.placed[to]] == i {
		to++
	}
	deltas := b.placed[from:to:to]
	id := b.entries[i].Hash
	at, _ := slices.BinarySearchFunc(b.byID, id, func(r reference, id plumbing.Hash) int { return bytes.Compare(r.base[:], id[:]) })
	for ; at < len(b.byID) && b.byID[at].base == id; at++ {
		deltas = append(deltas, b.byID[at].delta)
	}
	return deltas
}
