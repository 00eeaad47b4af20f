package packindex

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
)

// history makes a repository with files that change a little from commit to commit, and
// returns a pack of it, made with the options.
func history(t *testing.T, options ...string) string {
	t.Helper()
	dir := t.TempDir()
	gittest.Run(t, "", "git", "init", "-q", dir)
	random := rand.New(rand.NewPCG(1, 2))
	lines := make([]string, 400)
	for i := range lines {
		lines[i] = fmt.Sprint(random.Uint64())
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 4<<10)
	for commit := range 30 {
		lines[random.IntN(len(lines))] = fmt.Sprint("commit ", commit)
		gittest.Must(t, os.WriteFile(filepath.Join(dir, "lines"), []byte(strings.Join(lines, "\n")), 0o600))
		gittest.Must(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("file", commit%7)), []byte(fmt.Sprint(commit)), 0o600))
		if commit%6 == 0 {
			copy(large[random.IntN(len(large)-10):], fmt.Sprint("commit ", commit))
			gittest.Must(t, os.WriteFile(filepath.Join(dir, "large"), large, 0o600))
		}
		gittest.Run(t, dir, "git", "add", "-A")
		gittest.Run(t, dir, "git", "commit", "-q", "-m", fmt.Sprint(commit))
	}
	args := append([]string{"pack-objects", "--all", "--window=20", "--depth=30", "-q"}, options...)
	gittest.Run(t, dir, "git", append(args, filepath.Join(dir, "made"))...)
	packs, err := filepath.Glob(filepath.Join(dir, "made-*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("%v, %v", packs, err)
	}
	return packs[0]
}

// TestBuild lists what git lists, of deltas by place and by id.
func TestBuild(t *testing.T) {
	for name, tt := range map[string]struct {
		options []string
		most    int64 // in memory
	}{
		"by place": {[]string{"--delta-base-offset"}, memoryBytes}, "by id": {nil, memoryBytes}, "without deltas": {[]string{"--depth=0"}, memoryBytes},
		"by place, in a file": {[]string{"--delta-base-offset"}, 1000}, "by id, in a file": {nil, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			pack, most := history(t, tt.options...), tt.most
			file, err := os.Open(pack)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			spill := t.TempDir()
			entries, checksum, err := build(t.Context(), file, contents{dir: spill, most: most})
			if err != nil {
				t.Fatal(err)
			}
			index := idxfile.NewMemoryIndex()
			listed, err := os.Open(strings.TrimSuffix(pack, ".pack") + ".idx")
			if err != nil {
				t.Fatal(err)
			}
			defer listed.Close()
			if err := idxfile.NewDecoder(listed).Decode(index); err != nil {
				t.Fatal(err)
			}
			if [20]byte(checksum) != index.PackfileChecksum {
				t.Errorf("the checksum is %s", checksum)
			}
			all, err := index.EntriesByOffset()
			if err != nil {
				t.Fatal(err)
			}
			var want []idxfile.Entry
			for e, err := all.Next(); err == nil; e, err = all.Next() {
				want = append(want, *e)
			}
			if diff := cmp.Diff(want, entries); diff != "" || len(want) < 100 {
				t.Errorf("of %d objects (-want +got):\n%s", len(want), diff)
			}
			if left, _ := os.ReadDir(spill); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestBuildEnds stops when the context does.
func TestBuildEnds(t *testing.T) {
	file, err := os.Open(history(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Build(ctx, file, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestDamagedPacks flips bytes: an error, or the same objects.
func TestDamagedPacks(t *testing.T) {
	good, err := os.ReadFile(history(t, "--delta-base-offset"))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	name, spill := filepath.Join(t.TempDir(), "pack"), t.TempDir()
	failed := 0
	for range 60 {
		bad := slices.Clone(good)
		for range 3 {
			bad[random.IntN(min(len(bad), 60_000))] ^= 1 << random.IntN(8)
		}
		gittest.Must(t, os.WriteFile(name, bad, 0o600))
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := build(t.Context(), file, contents{dir: spill, most: 10_000}); err != nil {
			failed++
		}
		_ = file.Close()
	}
	if failed < 50 {
		t.Errorf("only %d of 60 are refused", failed)
	}
	if left, _ := os.ReadDir(spill); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestDeepDeltas has deltas that build on each other, as many as there may be and one
// more.
func TestDeepDeltas(t *testing.T) {
	for deltas, want := range map[int]error{MaxDepth - 1: nil, MaxDepth: git.ErrTooLarge} {
		name := filepath.Join(t.TempDir(), "pack")
		gittest.Must(t, os.WriteFile(name, chain(deltas), 0o600))
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if entries, _, err := Build(t.Context(), file, t.TempDir()); !errors.Is(err, want) || err == nil && len(entries) != deltas+1 {
			t.Errorf("%d deltas: %d objects, %v, want %v", deltas, len(entries), err, want)
		}
	}
}

// chain returns a pack with a blob and deltas, each of which builds on the one before
// it and has one byte more.
func chain(deltas int) []byte {
	pack := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(deltas+1))
	varint := func(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
	add := func(kind int, base, data []byte) {
		pack = append(append(pack, byte(kind<<4|len(data)&15|0x80), byte(len(data)>>4)), base...)
		var packed bytes.Buffer
		zip := zlib.NewWriter(&packed)
		_, _ = zip.Write(data)
		_ = zip.Close()
		pack = append(pack, packed.Bytes()...)
	}
	last := len(pack)
	add(3, nil, []byte("x"))
	for i := 1; i <= deltas; i++ {
		distance := len(pack) - last
		last = len(pack)
		delta := append(append(varint(i), varint(i+1)...), 0xb0, byte(i), byte(i>>8), 1, 'x') // all of the base, and an x
		add(6, []byte{byte(distance)}, delta)
	}
	sum := sha1.Sum(pack)
	return append(pack, sum[:]...)
}
