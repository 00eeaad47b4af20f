package mirror_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/git/mirror"
)

// TestRandomHistories moves branches and tags at random, restarts and damages
// the mirror in between, and compares every head's files with git's after each
// fetch.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := gittest.NewServer(t)
		r := s.Repo("shop")
		dir := filepath.Join(t.TempDir(), fmt.Sprintf("mirrors%d", len(s.Dir)))
		limits := git.Limits{Packs: 2, IncrementalBytes: 2 << 10, CacheBytes: 1 << 10}
		m := mirror.NewStore(dir, limits, dial.Unrestricted())
		defer func() { m.Close() }()
		var commits []string
		branch := rapid.SampledFrom([]string{"main", "a", "a-b", "feature/x"})
		for range rapid.IntRange(1, 5).Draw(rt, "fetches") {
			for range rapid.IntRange(0, 3).Draw(rt, "changes") {
				change(rt, r, branch, &commits)
			}
			switch rapid.IntRange(0, 5).Draw(rt, "accident") {
			case 0:
				m.Close()
				m = mirror.NewStore(dir, limits, dial.Unrestricted())
			case 1:
				loseAPack(dir)
			}
			checkHeads(rt, m, s, r)
			if len(commits) > 0 {
				ensureAny(rt, m, s, r, rapid.SampledFrom(commits).Draw(rt, "commit"))
			}
		}
		s.HTTP.Close()
	})
}

// change makes one change of refs on the server.
func change(rt *rapid.T, r *gittest.Repo, branch *rapid.Generator[string], commits *[]string) {
	name := branch.Draw(rt, "branch")
	files := map[string]string{rapid.SampledFrom([]string{"x", "y", "d/z"}).Draw(rt, "file"): rapid.SampledFrom([]string{"1", "2", noise(1 << 10)}).Draw(rt, "content")}
	kind := rapid.IntRange(0, 5).Draw(rt, "change")
	if len(*commits) == 0 {
		kind = 0
	}
	switch kind {
	case 0, 1:
		*commits = append(*commits, r.Commit(name, files))
	case 2:
		*commits = append(*commits, r.CommitOn(name, rapid.SampledFrom(*commits).Draw(rt, "parent"), files))
	case 3:
		*commits = append(*commits, r.CommitOn(name, "", files))
	case 4:
		r.Git("update-ref", "refs/heads/"+name, rapid.SampledFrom(*commits).Draw(rt, "target"))
	case 5:
		r.Git("update-ref", "-d", "refs/heads/"+name)
	}
}

// loseAPack removes one pack from the disk.
func loseAPack(dir string) {
	if found, _ := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", "*.pack")); len(found) > 0 {
		_ = os.Remove(found[0])
	}
}

// ensureAny asks for any commit ever made and expects it exactly when some ref
// leads to it, or when the mirror still has it.
func ensureAny(rt *rapid.T, m *mirror.Store, s *gittest.Server, r *gittest.Repo, commit string) {
	rt.Helper()
	reachable := r.Git("for-each-ref", "--contains", commit) != ""
	err := m.Ensure(context.Background(), key, s.Remote("shop"), commit)
	if reachable && err != nil {
		rt.Fatalf("Ensure(%s), which a ref contains: %v", commit, err)
	}
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		rt.Fatalf("Ensure(%s): %v", commit, err)
	}
	if err == nil {
		tree, err := m.Tree(context.Background(), key, commit)
		if err != nil {
			rt.Fatalf("Tree(%s): %v", commit, err)
		}
		if got, err := tree.Hash("."); err != nil || got != r.Git("rev-parse", commit+"^{tree}") {
			rt.Fatalf("Hash of %s: %s, %v", commit, got, err)
		}
	}
}

func TestDescends(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	before := r.Commit("main", map[string]string{"a": "0"})
	first := r.Commit("main", map[string]string{"a": "1"})
	m, _ := newMirrors(t, git.Limits{})
	fetch(t, m, s.Remote("shop"))
	second := r.Commit("main", map[string]string{"a": "2"})
	side := r.CommitOn("side", first, map[string]string{"b": "2"})
	lone := r.CommitOn("lone", "", map[string]string{"c": "2"})
	fetch(t, m, s.Remote("shop"))
	for name, tt := range map[string]struct {
		commit, ancestor string
		want             bool
		code             fault.Code
	}{
		"itself": {first, first, true, ""}, "child": {second, first, true, ""}, "sibling": {second, side, false, fault.NotFound},
		"other way": {first, second, false, fault.NotFound}, "no history": {lone, first, false, ""},
		"before the first fetch": {second, before, true, ""}, "not an id": {"main", first, false, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := m.Descends(context.Background(), key, tt.commit, tt.ancestor)
			if got != tt.want || fault.CodeOf(err) != tt.code {
				t.Errorf("Descends = %v, %v; want %v, code %q", got, err, tt.want, tt.code)
			}
		})
	}
}
