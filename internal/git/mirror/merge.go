package mirror

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // the pack format's checksum
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
)

const (
	packHeader    = 12      // bytes: "PACK", version, number of objects
	maxMergeBytes = 1 << 31 // beyond it an index needs 64-bit offsets; such a mirror is cloned again instead
)

// merge makes one pack of all. Objects are copied as they are: a delta names
// its base by distance or by id, both of which survive when whole packs are
// laid end to end. Nothing is inflated, so it costs one sequential copy.
func (p *packs) merge() error {
	p.mu.Lock()
	old := slices.Clone(p.list)
	p.mu.Unlock()
	if len(old) < 2 || p.size() >= maxMergeBytes {
		return nil
	}
	tmp, err := os.CreateTemp(p.dir, "tmp_pack_*")
	if err != nil {
		return fmt.Errorf("merge packs: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	index, err := concatenate(tmp, old)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("merge packs: %w", err)
	}
	if err := p.publish(tmp.Name(), index); err != nil {
		return fmt.Errorf("merge packs: %w", err)
	}
	p.discard(old)
	return nil
}

// concatenate writes the merged pack and builds its index.
func concatenate(w io.Writer, list []*pack) (*idxfile.MemoryIndex, error) {
	count, err := countObjects(list)
	if err != nil {
		return nil, err
	}
	sum := sha1.New() //nolint:gosec // the pack format's checksum
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	if _, err := out.Write(binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), count)); err != nil {
		return nil, fmt.Errorf("write pack: %w", err)
	}
	var entries []idxfile.Entry
	offset := int64(packHeader)
	for _, one := range list {
		if entries, err = appendPack(out, entries, one, offset); err != nil {
			return nil, err
		}
		offset += one.size - packHeader - packTrail
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("write pack: %w", err)
	}
	trail := plumbing.Hash(sum.Sum(nil))
	if _, err := w.Write(trail[:]); err != nil {
		return nil, fmt.Errorf("write pack: %w", err)
	}
	return newIndex(entries, trail), nil
}

// countObjects adds up what the packs say they have.
func countObjects(list []*pack) (uint32, error) {
	var count uint32
	for _, one := range list {
		var b [4]byte
		if _, err := one.file.ReadAt(b[:], packHeader-4); err != nil {
			return 0, fmt.Errorf("read pack: %w", err)
		}
		count += binary.BigEndian.Uint32(b[:])
	}
	return count, nil
}

// appendPack copies one pack's objects to offset and lists them there.
func appendPack(out io.Writer, entries []idxfile.Entry, one *pack, offset int64) ([]idxfile.Entry, error) {
	body := io.NewSectionReader(one.file, packHeader, one.size-packHeader-packTrail)
	if _, err := io.Copy(out, body); err != nil {
		return nil, fmt.Errorf("copy pack: %w", err)
	}
	all, err := one.index.Entries()
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	defer func() { _ = all.Close() }()
	shift := uint64(offset - packHeader) //nolint:gosec // offset starts at packHeader and only grows
	for {
		e, err := all.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		entries = append(entries, idxfile.Entry{Hash: e.Hash, CRC32: e.CRC32, Offset: e.Offset + shift})
	}
}

// newIndex makes an index in which an object may stand more than once: each
// copy may be the base of deltas that name it by distance. go-git's own index
// writer keeps only the first.
func newIndex(entries []idxfile.Entry, checksum plumbing.Hash) *idxfile.MemoryIndex {
	sort.Slice(entries, func(i, j int) bool {
		if c := bytes.Compare(entries[i].Hash[:], entries[j].Hash[:]); c != 0 {
			return c < 0
		}
		return entries[i].Offset < entries[j].Offset
	})
	index := idxfile.NewMemoryIndex()
	index.Version, index.PackfileChecksum = idxfile.VersionSupported, checksum
	next := 0
	for first := range index.Fanout {
		var names, offsets, sums []byte
		for ; next < len(entries) && int(entries[next].Hash[0]) == first; next++ {
			e := entries[next]
			names = append(names, e.Hash[:]...)
			offsets = binary.BigEndian.AppendUint32(offsets, uint32(e.Offset)) //nolint:gosec // below maxMergeBytes
			sums = binary.BigEndian.AppendUint32(sums, e.CRC32)
		}
		index.Fanout[first] = uint32(next)
		index.FanoutMapping[first] = -1
		if names == nil {
			continue
		}
		index.FanoutMapping[first] = len(index.Names)
		index.Names = append(index.Names, names)
		index.Offset32 = append(index.Offset32, offsets)
		index.CRC32 = append(index.CRC32, sums)
	}
	return index
}

// discard drops packs whose objects are elsewhere now.
func (p *packs) discard(old []*pack) {
	gone := make(map[*pack]bool, len(old))
	for _, one := range old {
		gone[one] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var kept []*pack
	for _, one := range p.list {
		if !gone[one] {
			kept = append(kept, one)
			continue
		}
		_ = one.file.Close()
		_ = os.Remove(one.name + packSuffix)
		_ = os.Remove(one.name + idxSuffix)
	}
	p.list = kept
}
