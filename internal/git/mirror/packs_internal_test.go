package mirror

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/wire"
)

func FuzzPackedRefs(f *testing.F) {
	id := strings.Repeat("ab", 20)
	f.Add([]byte(refsHeader + id + " refs/heads/main\n" + id + " refs/tags/v1\n^" + strings.Repeat("cd", 20) + "\n"))
	f.Add([]byte("^" + id))
	f.Fuzz(func(t *testing.T, raw []byte) {
		refs, err := decodePackedRefs(raw)
		if err != nil {
			return
		}
		again, err := decodePackedRefs(encodePackedRefs(refs))
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if diff := cmp.Diff(refs, again, cmp.AllowUnexported(wire.Target{})); diff != "" {
			t.Fatalf("refs (-want +got):\n%s", diff)
		}
	})
}

// packOf builds a pack from raw object entries, each with its type.
func packOf(entries ...packEntry) []byte {
	b := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(len(entries)))
	for _, e := range entries {
		size := uint64(e.size)
		c := byte(e.kind<<4) | byte(size&15)
		for size >>= 4; size > 0; size >>= 7 {
			b = append(b, c|0x80)
			c = byte(size & 0x7f)
		}
		b = append(append(b, c), e.base...)
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, _ = w.Write(e.data)
		_ = w.Close()
		b = append(b, z.Bytes()...)
	}
	sum := sha1.Sum(b)
	return append(b, sum[:]...)
}

type packEntry struct {
	kind int // 1 commit, 2 tree, 3 blob, 6 delta by distance, 7 delta by id
	size int // as declared
	base []byte
	data []byte
}

func blobEntry(data []byte) packEntry { return packEntry{kind: 3, size: len(data), data: data} }

// varint is the number format inside deltas.
func varint(n uint64) []byte {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// TestReceiveLimits feeds packs made to exhaust memory, disk or time.
func TestReceiveLimits(t *testing.T) {
	base := blobEntry(bytes.Repeat([]byte("x"), 100))
	id := plumbing.ComputeHash(plumbing.BlobObject, base.data)
	delta := func(target uint64) packEntry {
		data := append(append(varint(100), varint(target)...), 0x90, 100) // copy 100 bytes from the base
		return packEntry{kind: 7, size: len(data), base: id[:], data: data}
	}
	limits := git.Limits{ObjectBytes: 1000, InflatedBytes: 2000, Objects: 5}
	for name, tt := range map[string]struct {
		pack []byte
		err  error
	}{
		"fine":                    {packOf(base, delta(100)), nil},
		"large object":            {packOf(blobEntry(make([]byte, 1001))), git.ErrTooLarge},
		"declared larger":         {packOf(packEntry{kind: 3, size: 1 << 40, data: []byte("x")}), git.ErrTooLarge},
		"delta to a large object": {packOf(base, delta(1<<40)), git.ErrTooLarge},
		"delta of endless size":   {packOf(base, delta(1<<63)), git.ErrTooLarge},
		"all together":            {packOf(blobEntry(make([]byte, 900)), blobEntry(make([]byte, 901)), blobEntry(make([]byte, 902))), git.ErrTooLarge},
		"many objects":            {packOf(base, base, base, base, base, base), git.ErrTooLarge},
		"as sent":                 {append(packOf(base), make([]byte, 4096)...), git.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			p, err := openPacks(dir, 1000, newObjectCache(1000).view())
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			err = p.receive(context.Background(), bytes.NewReader(tt.pack), 2048, limits.WithDefaults())
			if !errors.Is(err, tt.err) {
				t.Errorf("receive = %v, want %v", err, tt.err)
			}
			if tt.err == nil && !p.has(id) {
				t.Error("the object is not there")
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "tmp_*")); len(left) > 0 || (tt.err != nil && p.count() > 0) {
				t.Errorf("files left: %v, %d packs", left, p.count())
			}
		})
	}
}

// FuzzReceive feeds damaged packs: an error or readable objects, no panic.
func FuzzReceive(f *testing.F) {
	base := blobEntry(bytes.Repeat([]byte("x"), 100))
	id := plumbing.ComputeHash(plumbing.BlobObject, base.data)
	data := append(append(varint(100), varint(100)...), 0x90, 100)
	f.Add(packOf(base, packEntry{kind: 7, size: len(data), base: id[:], data: data}))
	f.Add(packOf(packEntry{kind: 7, size: len(data), base: id[:], data: data}))
	f.Add([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 32 { // a right checksum gets further
			sum := sha1.Sum(raw[:len(raw)-20])
			copy(raw[len(raw)-20:], sum[:])
		}
		dir, err := os.MkdirTemp("", "fuzz-pack-")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		p, err := openPacks(dir, 1<<16, newObjectCache(1000).view())
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		limits := git.Limits{ObjectBytes: 1 << 16, InflatedBytes: 1 << 18, Objects: 100}.WithDefaults()
		if p.receive(context.Background(), bytes.NewReader(raw), 1<<16, limits) == nil && p.count() > 0 {
			_, _, _ = p.object(id)
		}
	})
}

// TestMergeKeepsEveryObject merges packs that hold the same object twice, one
// copy being the base of a delta by distance.
func TestMergeKeepsEveryObject(t *testing.T) {
	base := blobEntry(bytes.Repeat([]byte("x"), 100))
	near := func(target string) packEntry {
		data := append(append(varint(100), varint(uint64(len(target)))...), byte(len(target)))
		data = append(data, target...)
		return packEntry{kind: 6, size: len(data), data: data}
	}
	dir := t.TempDir()
	p, err := openPacks(dir, 1000, newObjectCache(1<<20).view())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var ids []plumbing.Hash
	for _, target := range []string{"first", "second", "third"} {
		delta := near(target)
		delta.base = []byte{byte(len(packOf(base)) - packHeader - packTrail)} // distance back to the base
		pack := packOf(base, delta)
		if err := p.receive(context.Background(), bytes.NewReader(pack), 1<<20, git.DefaultLimits()); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, plumbing.ComputeHash(plumbing.BlobObject, []byte(target)))
	}
	ids = append(ids, plumbing.ComputeHash(plumbing.BlobObject, base.data))
	check := func(p *packs) {
		t.Helper()
		if p.count() != 1 {
			t.Fatalf("%d packs after the merge", p.count())
		}
		for _, id := range ids {
			if kind, data, err := p.object(id); err != nil || plumbing.ComputeHash(kind, data) != id {
				t.Errorf("object %s: %v", id, err)
			}
		}
	}
	if err := p.merge(); err != nil {
		t.Fatal(err)
	}
	check(p)
	again, err := openPacks(dir, 1000, newObjectCache(1).view())
	if err != nil {
		t.Fatal(err)
	}
	defer again.close()
	check(again)
}

// TestDeltaOfItself reads an object that stands in a pack twice: whole, and as a delta
// that names the same object as its base.
func TestDeltaOfItself(t *testing.T) {
	base := blobEntry(bytes.Repeat([]byte("x"), 100))
	id := plumbing.ComputeHash(plumbing.BlobObject, base.data)
	data := append(append(varint(100), varint(100)...), 0x90, 100) // copy all of the base
	itself := packEntry{kind: 7, size: len(data), base: id[:], data: data}
	for name, pack := range map[string][]byte{"after it": packOf(base, itself), "before it": packOf(itself, base), "often": packOf(itself, itself, base, itself, itself)} {
		t.Run(name, func(t *testing.T) {
			p, err := openPacks(t.TempDir(), 1000, newObjectCache(1).view())
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			if err := p.receive(context.Background(), bytes.NewReader(pack), 1<<20, git.DefaultLimits()); err != nil {
				t.Fatal(err)
			}
			if _, data, err := p.object(id); err == nil && !bytes.Equal(data, base.data) || err != nil && !errors.Is(err, git.ErrDamaged) {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
}

func TestObjectCacheIsBounded(t *testing.T) {
	c := newObjectCache(10_000)
	one, other := c.view(), c.view()
	put := func(v *cacheView, size int, fill byte) plumbing.Hash {
		var o plumbing.MemoryObject
		o.SetType(plumbing.BlobObject)
		_, _ = o.Write(bytes.Repeat([]byte{fill}, size))
		v.Put(&o)
		return o.Hash()
	}
	first := put(one, 1000, 'a')
	if _, ok := one.Get(first); !ok {
		t.Error("an object that was put is not there")
	}
	if _, ok := other.Get(first); ok {
		t.Error("another mirror's object is given out")
	}
	if _, ok := one.Get(put(one, 9000, 'b')); ok {
		t.Error("an object that would push out most others is kept")
	}
	for i := range 100 {
		put(one, 900, byte(i))
		if c.size > c.max {
			t.Fatalf("%d bytes kept, limit %d", c.size, c.max)
		}
	}
	if _, ok := one.Get(first); ok {
		t.Error("the least recently used object is still there")
	}
	last := put(one, 900, 'c')
	one.Clear()
	if _, ok := one.Get(last); ok {
		t.Error("an object is given out after Clear")
	}
	for c.items.Len() > 0 {
		c.items.RemoveOldest()
	}
	if c.size != 0 {
		t.Errorf("an empty cache is charged %d bytes", c.size)
	}
}
