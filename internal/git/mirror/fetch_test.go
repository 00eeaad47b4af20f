package mirror_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/git/mirror"
)

const key = "acme/shop"

func newMirrors(t *testing.T, limits git.Limits) (*mirror.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mirrors")
	m := mirror.NewStore(dir, limits, dial.Unrestricted())
	t.Cleanup(m.Close)
	return m, dir
}

// reporter is what *testing.T and *rapid.T have in common.
type reporter interface {
	Helper()
	Fatalf(format string, args ...any)
}

func fetch(t reporter, m *mirror.Store, r git.Remote) git.Heads {
	t.Helper()
	h, err := m.Fetch(context.Background(), key, r)
	if err != nil {
		t.Fatalf("Fetch: %v", err)
	}
	return h
}

// content reads a file of a commit, and every other file too: a commit whose
// objects are not all there fails.
func content(t reporter, m *mirror.Store, commit, name string) string {
	t.Helper()
	tree, err := m.Tree(context.Background(), key, commit)
	if err != nil {
		t.Fatalf("Tree: %v", err)
	}
	err = fs.WalkDir(tree, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		_, err = tree.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatalf("walk %s: %v", commit, err)
	}
	data, err := tree.ReadFile(name)
	if err != nil {
		t.Fatalf("ReadFile: %v", err)
	}
	return string(data)
}

func TestFetchHeads(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	first := r.Commit("main", map[string]string{"a": "1"})
	second := r.Commit("feature/ünïcode", map[string]string{"b": "2"})
	r.Git("tag", "light", first)
	r.Git("-c", "user.name=A", "-c", "user.email=a@b", "tag", "-a", "-m", "note", "v1.0", second)
	r.Git("update-ref", "refs/pull/7/head", second)
	r.Git("update-ref", "refs/notes/secret", second)
	m, dir := newMirrors(t, git.Limits{})

	want := git.Heads{Default: "refs/heads/main", Refs: map[string]string{
		"refs/heads/main": first, "refs/heads/feature/ünïcode": second,
		"refs/tags/light": first, "refs/tags/v1.0": second,
	}}
	if diff := cmp.Diff(want, fetch(t, m, s.Remote("shop"))); diff != "" {
		t.Errorf("Heads (-want +got):\n%s", diff)
	}
	withPulls := s.Remote("shop")
	withPulls.Refs = append(git.DefaultRefs(), "refs/pull/*/head")
	want.Refs["refs/pull/7/head"] = second
	if diff := cmp.Diff(want, fetch(t, m, withPulls)); diff != "" {
		t.Errorf("Heads with pull requests (-want +got):\n%s", diff)
	}
	listed, err := m.Heads(context.Background(), withPulls)
	if err != nil {
		t.Fatalf("Heads: %v", err)
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("listed heads (-want +got):\n%s", diff)
	}
	// What is on disk is a bare repository that git itself accepts.
	mirrors, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(mirrors) != 1 {
		t.Fatalf("mirrors on disk: %v", mirrors)
	}
	gittest.Run(t, mirrors[0], "git", "fsck", "--full", "--strict")
	if got := strings.TrimSpace(gittest.Run(t, mirrors[0], "git", "rev-parse", "v1.0^{commit}")); got != second {
		t.Errorf("git resolves v1.0 to %s, want %s", got, second)
	}
}

func TestUnchangedRefsFetchNothing(t *testing.T) {
	s := gittest.NewServer(t)
	s.Repo("shop").Commit("main", map[string]string{"a": "1"})
	m, _ := newMirrors(t, git.Limits{})
	fetch(t, m, s.Remote("shop"))
	s.Requests()
	fetch(t, m, s.Remote("shop"))
	if diff := cmp.Diff([]string{"GET /shop/info/refs"}, s.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestEmptyRepository(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	m, _ := newMirrors(t, git.Limits{})
	if h := fetch(t, m, s.Remote("shop")); len(h.Refs) != 0 {
		t.Errorf("Refs = %v, want none", h.Refs)
	}
	c := r.Commit("main", map[string]string{"a": "1"})
	if h := fetch(t, m, s.Remote("shop")); h.Refs["refs/heads/main"] != c {
		t.Errorf("main = %s, want %s", h.Refs["refs/heads/main"], c)
	}
	if got := content(t, m, c, "a"); got != "1" {
		t.Errorf("a = %q", got)
	}
}

// TestHistories moves refs in every way a forge allows and reads every head
// completely after each step.
func TestHistories(t *testing.T) {
	type step func(r *gittest.Repo, seen map[string]string)
	commit := func(branch, name, text string) step {
		return func(r *gittest.Repo, seen map[string]string) {
			seen[text] = r.Commit(branch, map[string]string{name: text})
		}
	}
	set := func(ref, to string) step {
		return func(r *gittest.Repo, seen map[string]string) { r.Git("update-ref", ref, seen[to]) }
	}
	history := []step{commit("main", "a", "1"), commit("main", "b", "2"), commit("main", "a", "3"), commit("main", "dir/c", "4")}
	tests := map[string][]step{
		"fast forward":        {commit("main", "a", "5"), commit("main", "a", "6")},
		"rewind":              {set("refs/heads/main", "1"), set("refs/heads/main", "4"), set("refs/heads/main", "2")},
		"rewind then forward": {set("refs/heads/main", "2"), commit("main", "z", "5"), commit("main", "z", "6")},
		"force push": {func(r *gittest.Repo, seen map[string]string) {
			seen["5"] = r.CommitOn("main", seen["1"], map[string]string{"x": "5"})
		}, commit("main", "x", "6")},
		"unrelated history": {func(r *gittest.Repo, seen map[string]string) {
			seen["5"] = r.CommitOn("main", "", map[string]string{"x": "5"})
		}, commit("main", "x", "6"), set("refs/heads/main", "4")},
		"branch from old commit": {func(r *gittest.Repo, seen map[string]string) {
			seen["5"] = r.CommitOn("old", seen["2"], map[string]string{"x": "5"})
		}, commit("main", "x", "6")},
		"deleted and made again": {func(r *gittest.Repo, _ map[string]string) { r.Git("update-ref", "-d", "refs/heads/main") },
			set("refs/heads/main", "3"), commit("main", "a", "5")},
		"revert brings old content back": {commit("main", "a", "1"), commit("main", "a", "3"), commit("main", "b", "2")},
		"server forgets the old tip": {func(r *gittest.Repo, seen map[string]string) {
			seen["5"] = r.CommitOn("main", seen["3"], map[string]string{"x": "5"})
			r.Git("-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now")
		}, commit("main", "x", "6")},
		"tag moves and vanishes": {set("refs/tags/t", "1"), set("refs/tags/t", "3"),
			func(r *gittest.Repo, _ map[string]string) { r.Git("update-ref", "-d", "refs/tags/t") }},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			s := gittest.NewServer(t)
			r, seen := s.Repo("shop"), map[string]string{}
			m, _ := newMirrors(t, git.Limits{Packs: 2})
			for i, step := range slices.Concat(history, steps) {
				step(r, seen)
				if i < len(history)-1 {
					continue // the first fetch sees a history that it leaves behind
				}
				checkHeads(t, m, s, r)
			}
			if asked := s.Requests(); len(asked) > 2*len(steps)+2 {
				t.Errorf("%d requests for %d fetches: %v", len(asked), len(steps)+1, asked)
			}
		})
	}
}

// checkHeads fetches and compares with what git says on the server.
func checkHeads(t reporter, m *mirror.Store, s *gittest.Server, r *gittest.Repo) {
	t.Helper()
	want := map[string]string{}
	for line := range strings.Lines(r.Git("for-each-ref", "--format=%(refname) %(objectname)")) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "" {
			want[name] = id
		}
	}
	h := fetch(t, m, s.Remote("shop"))
	if diff := cmp.Diff(want, h.Refs); diff != "" {
		t.Fatalf("refs (-want +got):\n%s", diff)
	}
	for ref, commit := range h.Refs {
		for _, name := range strings.Fields(r.Git("ls-tree", "-r", "--name-only", commit)) {
			if got, want := content(t, m, commit, name), r.Show(commit, name); got != want {
				t.Fatalf("%s: %s = %q, want %q", ref, name, got, want)
			}
		}
	}
}

func TestCommit(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	parent := r.Commit("main", map[string]string{"a": "1"})
	c := r.Commit("main", map[string]string{"a": "2"})
	m, _ := newMirrors(t, git.Limits{})
	fetch(t, m, s.Remote("shop"))
	got, err := m.Commit(context.Background(), key, c)
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if got.When.Unix() != 1_700_000_002 || got.Made.Unix() != 1_700_000_102 {
		t.Errorf("When = %v, Made = %v", got.When, got.Made)
	}
	want := git.Commit{Hash: c, Tree: r.Git("rev-parse", c+"^{tree}"), Subject: "Change 2", Message: "Change 2\n\nBody of 2.\n",
		Author: "Alice", Email: "alice@acme.example", When: got.When, Made: got.Made, Parents: []string{parent}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Commit (-want +got):\n%s", diff)
	}
	for name, id := range map[string]string{"short": c[:12], "ref": "main", "option": "--upload-pack=x"} {
		if _, err := m.Commit(context.Background(), key, id); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: error %v, want code invalid", name, err)
		}
	}
	if _, err := m.Commit(context.Background(), key, parent); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("commit before the shallow boundary: error %v, want code unavailable", err)
	}
}

func TestEnsure(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	first := r.Commit("main", map[string]string{"a": "1"})
	second := r.Commit("main", map[string]string{"a": "2"})
	other := r.CommitOn("gone", first, map[string]string{"a": "3"})
	r.Git("update-ref", "-d", "refs/heads/gone")
	m, _ := newMirrors(t, git.Limits{})
	ctx := context.Background()

	for name, tt := range map[string]struct {
		commit string
		code   fault.Code
	}{
		"tip":                     {second, ""},
		"in history":              {first, ""},
		"in no ref":               {other, fault.NotFound},
		"never existed":           {strings.Repeat("ab", 20), fault.NotFound},
		"not an id":               {"main", fault.Invalid},
		"there, not asked for it": {second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := m.Ensure(ctx, key, s.Remote("shop"), tt.commit); fault.CodeOf(err) != tt.code {
				t.Fatalf("Ensure = %v, want code %q", err, tt.code)
			}
			if tt.code == "" && content(t, m, tt.commit, "a") == "" {
				t.Error("nothing to read")
			}
		})
	}
	s.Requests()
	if err := m.Ensure(ctx, key, s.Remote("shop"), second); err != nil || len(s.Requests()) != 0 {
		t.Errorf("Ensure of a present commit: %v, or it asked the server", err)
	}
}

// TestDamage breaks the mirror in every way a disk can, with the mirror open
// and not, and expects the next fetch to repair it.
func TestDamage(t *testing.T) {
	glob := func(pattern string) func(t *testing.T, dir string) string {
		return func(t *testing.T, dir string) string {
			found, _ := filepath.Glob(filepath.Join(dir, "*", pattern))
			if len(found) == 0 {
				t.Fatalf("no %s below %s", pattern, dir)
			}
			return found[0]
		}
	}
	damage := map[string]func(t *testing.T, dir string){
		"pack truncated":    func(t *testing.T, dir string) { gittest.Must(t, os.Truncate(glob("objects/pack/*.pack")(t, dir), 40)) },
		"pack gone":         func(t *testing.T, dir string) { gittest.Must(t, os.Remove(glob("objects/pack/*.pack")(t, dir))) },
		"index overwritten": func(t *testing.T, dir string) { overwrite(t, glob("objects/pack/*.idx")(t, dir)) },
		"pack overwritten":  func(t *testing.T, dir string) { overwrite(t, glob("objects/pack/*.pack")(t, dir)) },
		"refs overwritten":  func(t *testing.T, dir string) { overwrite(t, glob("packed-refs")(t, dir)) },
		"state gone":        func(t *testing.T, dir string) { gittest.Must(t, os.Remove(glob("slipway.json")(t, dir))) },
		"everything gone":   func(t *testing.T, dir string) { gittest.Must(t, os.RemoveAll(dir)) },
	}
	for name, do := range damage {
		for _, warm := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " while open", false: " between runs"}[warm], func(t *testing.T) {
				s := gittest.NewServer(t)
				r := s.Repo("shop")
				c := r.Commit("main", map[string]string{"a": strings.Repeat("content ", 100), "b/c": "2"})
				m, dir := newMirrors(t, git.Limits{CacheBytes: 1})
				fetch(t, m, s.Remote("shop"))
				if !warm {
					m.Close()
				}
				do(t, dir)
				repaired(t, m, s, c)
			})
		}
	}
}

// TestLostPack removes one of two packs, index and all, so that only reading
// can show what is missing.
func TestLostPack(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	r.Commit("main", map[string]string{"a": "1", "b/c": "2"})
	m, dir := newMirrors(t, git.Limits{})
	fetch(t, m, s.Remote("shop"))
	first, err := filepath.Glob(filepath.Join(dir, "*", "objects", "pack", "*"))
	gittest.Must(t, err)
	c := r.Commit("main", map[string]string{"z": "3"})
	fetch(t, m, s.Remote("shop"))
	m.Close()
	for _, name := range first {
		gittest.Must(t, os.Remove(name))
	}
	repaired(t, m, s, c)
}

// repaired reads, fetches and reads again, as a sync that retries does.
func repaired(t *testing.T, m *mirror.Store, s *gittest.Server, commit string) {
	t.Helper()
	ctx := context.Background()
	for range 3 {
		gittest.Must(t, m.Ensure(ctx, key, s.Remote("shop"), commit))
		tree, err := m.Tree(ctx, key, commit)
		if err == nil {
			_, err = tree.ReadFile("a")
		}
		if err == nil {
			content(t, m, commit, "b/c")
			return
		}
		if fault.CodeOf(err) != fault.Unavailable {
			t.Fatalf("damage gives %v, want code unavailable", err)
		}
	}
	t.Fatal("still damaged after three tries")
}

func overwrite(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	gittest.Must(t, err)
	gittest.Must(t, os.Chmod(name, 0o600))
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	gittest.Must(t, err)
	_, err = f.WriteAt(make([]byte, info.Size()-60), 30)
	gittest.Must(t, err)
	gittest.Must(t, f.Close())
}
