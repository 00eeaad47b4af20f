package mirror_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/git/mirror"
)

func noise(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b)
	return string(b)
}

func mirrorDirs(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	gittest.Must(t, err)
	return all
}

// TestDiskIsBounded fetches more repositories than there is room for, with a
// restart in between: the least recently used go.
func TestDiskIsBounded(t *testing.T) {
	s := gittest.NewServer(t)
	commits := map[string]string{}
	for i := range 4 {
		name := fmt.Sprint("r", i)
		commits[name] = s.Repo(name).Commit("main", map[string]string{"a": noise(100 << 10)})
	}
	limits := git.Limits{TotalBytes: 250 << 10, Warm: 1}
	m, dir := newMirrors(t, limits)
	ctx := context.Background()
	get := func(m *mirror.Store, name string) {
		t.Helper()
		gittest.Must(t, m.Ensure(ctx, name, s.Remote(name), commits[name]))
		tree, err := m.Tree(ctx, name, commits[name])
		gittest.Must(t, err)
		_, err = tree.ReadFile("a")
		gittest.Must(t, err)
	}
	get(m, "r0")
	get(m, "r1")
	get(m, "r0")
	get(m, "r2") // pushes r1 out
	if n := len(mirrorDirs(t, dir)); n != 2 {
		t.Errorf("%d mirrors on disk, want 2", n)
	}
	s.Requests()
	get(m, "r0")
	if asked := s.Requests(); len(asked) != 0 {
		t.Errorf("r0 was used more recently than r1 and is gone: %v", asked)
	}
	m.Close()
	again := mirror.NewStore(dir, limits, dial.Unrestricted())
	defer again.Close()
	get(again, "r3")
	if n := len(mirrorDirs(t, dir)); n != 2 {
		t.Errorf("%d mirrors on disk after a restart, want 2", n)
	}
	get(again, "r1")
	gittest.Must(t, again.Remove(ctx, "r1"))
	gittest.Must(t, again.Remove(ctx, "never seen"))
	if _, err := again.Commit(ctx, "r1", commits["r1"]); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a removed mirror: %v, want code unavailable", err)
	}
}

func TestMirrorIsBounded(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	r.Commit("main", map[string]string{"a": noise(50 << 10)})
	m, dir := newMirrors(t, git.Limits{MirrorBytes: 300 << 10})
	size := func() (sum int64) {
		_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if info, err := e.Info(); err == nil && !e.IsDir() {
				sum += info.Size()
			}
			return err
		})
		return sum
	}
	for range 12 {
		r.Commit("main", map[string]string{"a": noise(50 << 10)})
		checkHeads(t, m, s, r)
		if got := size(); got > 450<<10 {
			t.Fatalf("the mirror has %d bytes", got)
		}
	}
	last := r.Git("rev-parse", "main")
	tooLarge := r.Commit("main", map[string]string{"b": noise(400 << 10)})
	_, err := m.Fetch(context.Background(), key, s.Remote("shop"))
	if err == nil {
		_, err = m.Fetch(context.Background(), key, s.Remote("shop"))
	}
	if fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a repository beyond the limit (%s after %s): %v, want code invalid", tooLarge, last, err)
	}
}

func TestFetchBytesAreBounded(t *testing.T) {
	s := gittest.NewServer(t)
	s.Repo("shop").Commit("main", map[string]string{"a": noise(100 << 10)})
	for name, limits := range map[string]git.Limits{
		"pack":    {FetchBytes: 50 << 10},
		"object":  {ObjectBytes: 50 << 10},
		"objects": {Objects: 1},
		"refs":    {Refs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "refs" {
				s.Repo("other").Commit("main", map[string]string{"a": "1"})
				s.Repo("more").Commit("main", map[string]string{"a": "1"})
				gittest.Run(t, filepath.Join(s.Dir, "shop"), "git", "branch", "second", "main")
			}
			m, dir := newMirrors(t, limits)
			_, err := m.Fetch(context.Background(), key, s.Remote("shop"))
			if fault.CodeOf(err) != fault.Invalid {
				t.Errorf("Fetch = %v, want code invalid", err)
			}
			if left := mirrorDirs(t, dir); len(left) > 0 {
				t.Errorf("left on disk: %v", left)
			}
		})
	}
}

func TestLeftoversAreRemoved(t *testing.T) {
	s := gittest.NewServer(t)
	s.Repo("shop").Commit("main", map[string]string{"a": "1"})
	m, dir := newMirrors(t, git.Limits{})
	fetch(t, m, s.Remote("shop"))
	m.Close()
	mirror := mirrorDirs(t, dir)[0]
	gittest.Must(t, os.MkdirAll(mirror+".new/objects", 0o700))
	gittest.Must(t, os.MkdirAll(mirror+".old/objects", 0o700))
	gittest.Must(t, os.WriteFile(filepath.Join(mirror, "objects", "pack", "tmp_pack_1"), []byte("x"), 0o600))
	gittest.Must(t, os.WriteFile(filepath.Join(dir, "not-ours"), []byte("x"), 0o600))
	fetch(t, m, s.Remote("shop"))
	left := mirrorDirs(t, dir)
	if len(left) != 2 {
		t.Errorf("left on disk: %v, want the mirror and the file that isn't ours", left)
	}
	if tmp, _ := filepath.Glob(filepath.Join(mirror, "objects", "pack", "tmp_*")); len(tmp) > 0 {
		t.Errorf("left in the mirror: %v", tmp)
	}
}

// TestAnotherURLReplacesTheMirror makes sure that no object of one repository
// is read as another's.
func TestAnotherURLReplacesTheMirror(t *testing.T) {
	s := gittest.NewServer(t)
	first := s.Repo("one").Commit("main", map[string]string{"a": "secret"})
	s.Repo("two").Commit("main", map[string]string{"a": "other"})
	m, _ := newMirrors(t, git.Limits{})
	fetch(t, m, s.Remote("one"))
	fetch(t, m, s.Remote("two"))
	if err := m.Ensure(context.Background(), key, s.Remote("two"), first); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a commit of the other repository: %v, want code not_found", err)
	}
}

// TestConcurrentUse reads and fetches at the same time; the race detector
// looks on.
func TestConcurrentUse(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	c := r.Commit("main", map[string]string{"a": "1", "dir/b": noise(20 << 10)})
	m, _ := newMirrors(t, git.Limits{Packs: 2, Warm: 1, CacheBytes: 4096})
	fetch(t, m, s.Remote("shop"))
	ctx := context.Background()
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Go(func() {
			for range 15 {
				if err := readOnce(ctx, m, s, fmt.Sprint("shop", i%2), c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 6 {
		r.Commit("main", map[string]string{"a": fmt.Sprint(i)})
		fetch(t, m, s.Remote("shop"))
	}
	wait.Wait()
}

func readOnce(ctx context.Context, m *mirror.Store, s *gittest.Server, key, commit string) error {
	if err := m.Ensure(ctx, key, s.Remote("shop"), commit); err != nil {
		return err
	}
	tree, err := m.Tree(ctx, key, commit)
	if err != nil {
		return err
	}
	_, err = tree.ReadFile("dir/b")
	return err
}
