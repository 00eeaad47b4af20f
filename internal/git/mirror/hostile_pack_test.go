package mirror_test

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/slipway-dev/slipway/internal/git"
)

// smallObjects returns a pack with a commit and as many blobs as are asked for, each
// of which says nothing but its number, and the commit's id.
func smallObjects(count int) ([]byte, string) {
	pack := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count+2))
	add := func(kind byte, data []byte) {
		size := len(data)
		first := kind<<4 | byte(size&15)
		if size >>= 4; size > 0 {
			pack = append(pack, first|0x80)
			for ; size >= 0x80; size >>= 7 {
				pack = append(pack, byte(size)|0x80)
			}
			pack = append(pack, byte(size))
		} else {
			pack = append(pack, first)
		}
		pack = append(pack, 0x78, 0x01, 0x01) // zlib, one block that is stored
		pack = binary.LittleEndian.AppendUint16(pack, uint16(len(data)))
		pack = binary.LittleEndian.AppendUint16(pack, ^uint16(len(data)))
		pack = binary.BigEndian.AppendUint32(append(pack, data...), adler32.Checksum(data))
	}
	tree := plumbing.ComputeHash(plumbing.TreeObject, nil)
	commit := fmt.Appendf(nil, "tree %s\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nmany\n", tree)
	add(1, commit)
	add(2, nil)
	for i := range count {
		add(3, binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	sum := sha1.Sum(pack)
	return append(pack, sum[:]...), plumbing.ComputeHash(plumbing.CommitObject, commit).String()
}

// TestMemoryOfManyHostilePacks has servers that send packs of nothing but objects, all
// at once. What is measured is what is in use after garbage was collected, again and
// again until all packs are there.
func TestMemoryOfManyHostilePacks(t *testing.T) {
	const servers, objects = 20, 60_000
	pack, commit := smallObjects(objects)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/info/refs") {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			fmt.Fprint(w, packet("# service=git-upload-pack\n"), "0000", packet(commit+" refs/heads/main\x00ofs-delta shallow no-progress\n"), "0000")
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		fmt.Fprint(w, packet("shallow "+commit+"\n"), "0000", packet("NAK\n"))
		_, _ = w.Write(pack)
	}))
	defer server.Close()
	m, _ := newMirrors(t, git.Limits{})
	before := heap()
	var fetches sync.WaitGroup
	for i := range servers {
		fetches.Go(func() {
			if _, err := m.Fetch(context.Background(), fmt.Sprint("acme/", i), git.Remote{URL: server.URL + "/shop.git", AllowHTTP: true}); err != nil {
				t.Errorf("fetch: %v", err)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fetches.Wait()
	}()
	var most int64
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		most = max(most, int64(heap())-int64(before))
	}
	t.Logf("%d MiB at most", most>>20)
	if most > maxHostileBytes {
		t.Errorf("%d MiB are in use, want %d at most", most>>20, maxHostileBytes>>20)
	}
	runtime.KeepAlive(pack)
}
