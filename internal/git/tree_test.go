package git_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-dev/slipway/internal/dial"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
	"github.com/slipway-dev/slipway/internal/git/gittest"
	"github.com/slipway-dev/slipway/internal/git/mirror"
)

// treeOf fetches a repository with the given files and opens its tree.
func treeOf(t *testing.T, limits git.TreeLimits, files map[string]string) (*git.Tree, *gittest.Repo) {
	t.Helper()
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	c := r.Commit("main", files)
	return openTree(t, s, c, limits), r
}

func openTree(t *testing.T, s *gittest.Server, commit string, limits git.TreeLimits) *git.Tree {
	t.Helper()
	m := mirror.NewStore(t.TempDir(), git.Limits{Tree: limits}, dial.Unrestricted())
	t.Cleanup(m.Close)
	gittest.Must(t, m.Ensure(context.Background(), "shop", s.Remote("shop"), commit))
	tree, err := m.Tree(context.Background(), "shop", commit)
	gittest.Must(t, err)
	return tree
}

func TestTreeIsAFileSystem(t *testing.T) {
	tree, r := treeOf(t, git.TreeLimits{}, map[string]string{
		"a": "1", "dir/b": "22", "dir.x": "dot sorts before slash", "dir/sub/c": "", "dir0": "after", "run": "exec:#!/bin/sh", "ü/ö": "utf-8",
	})
	gittest.Must(t, fstest.TestFS(tree, "a", "dir/b", "dir.x", "dir/sub/c", "dir0", "run", "ü/ö"))
	for _, name := range []string{"a", "dir", "dir/sub/c"} {
		got, err := tree.Hash(name)
		if want := r.Git("rev-parse", "main:"+name); err != nil || got != want {
			t.Errorf("Hash(%s) = %s, %v; git says %s", name, got, err, want)
		}
	}
	if got, err := tree.Hash("."); err != nil || got != r.Git("rev-parse", "main^{tree}") {
		t.Errorf("Hash(.) = %s, %v", got, err)
	}
	info, err := tree.Stat("run")
	gittest.Must(t, err)
	if info.Mode() != 0o755 || !info.ModTime().IsZero() {
		t.Errorf("run has mode %v and time %v", info.Mode(), info.ModTime())
	}
	for _, name := range []string{"missing", "dir/missing", "a/b", "missing/b"} {
		if _, err := tree.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadFile(%s) = %v, want not exist", name, err)
		}
	}
	for _, name := range []string{"", "/a", "../a", "dir/../a", "./a", "dir/"} {
		if _, err := tree.ReadFile(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("ReadFile(%q) = %v, want invalid", name, err)
		}
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	tree, _ := treeOf(t, git.TreeLimits{}, map[string]string{
		"a": "1", "dir/b": "2", "link": "link:a", "dirlink": "link:dir", "out": "link:../../etc/passwd", "abs": "link:/etc/passwd", "loop": "link:loop",
	})
	reads := map[string]func(string) error{
		"open":    func(n string) error { _, err := tree.Open(n); return err },
		"read":    func(n string) error { _, err := tree.ReadFile(n); return err },
		"readdir": func(n string) error { _, err := tree.ReadDir(n); return err },
		"stat":    func(n string) error { _, err := tree.Stat(n); return err },
		"tar":     func(n string) error { return tree.Tar(context.Background(), io.Discard, n, nil) },
	}
	for op, do := range reads {
		for name, culprit := range map[string]string{"link": "link", "dirlink/b": "dirlink", "out": "out", "abs": "abs", "loop": "loop", "loop/x": "loop"} {
			err := do(name)
			if fault.CodeOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), culprit+" is a symbolic link") {
				t.Errorf("%s %s = %v, want an error that names the link", op, name, err)
			}
		}
	}
	if to, err := tree.ReadLink("out"); err != nil || to != "../../etc/passwd" {
		t.Errorf("ReadLink = %q, %v", to, err)
	}
	if _, err := tree.ReadLink("a"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("ReadLink of a file = %v, want invalid", err)
	}
	info, err := tree.Lstat("link")
	if err != nil || info.Mode().Type() != fs.ModeSymlink {
		t.Errorf("Lstat = %v, %v", info, err)
	}
	list, err := tree.ReadDir(".")
	gittest.Must(t, err)
	kinds := map[string]fs.FileMode{}
	for _, e := range list {
		kinds[e.Name()] = e.Type()
	}
	if kinds["link"] != fs.ModeSymlink || kinds["a"] != 0 || kinds["dir"] != fs.ModeDir {
		t.Errorf("types listed: %v", kinds)
	}
}

func TestSubmodulesAreNotFetched(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	base := r.Commit("main", map[string]string{"a": "1"})
	tree := strings.TrimSpace(gittest.Pipe(t, r.Dir, "160000 commit "+base+"\tlib\n100644 blob "+r.Git("rev-parse", "main:a")+"\ta\n", "git", "mktree", "--missing"))
	c := r.Git("commit-tree", "-m", "with submodule", tree)
	r.Git("update-ref", "refs/heads/main", c)
	opened := openTree(t, s, c, git.TreeLimits{})
	if _, err := opened.ReadFile("lib/x"); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "lib is a submodule") {
		t.Errorf("read inside a submodule = %v", err)
	}
	var b bytes.Buffer
	gittest.Must(t, opened.Tar(context.Background(), &b, ".", nil))
	if diff := cmp.Diff([]string{"- a 644 1", "d lib/ 755 0"}, listTar(t, &b)); diff != "" {
		t.Errorf("tar (-want +got):\n%s", diff)
	}
}

// TestTreeLimits reaches each limit and stays just below it.
func TestTreeLimits(t *testing.T) {
	wide := map[string]string{}
	for i := range 20 {
		wide[fmt.Sprintf("d%d/f", i)] = "x"
	}
	deep := map[string]string{strings.Repeat("d/", 9) + "f": "x"}
	long := map[string]string{strings.Repeat("n", 50) + "/" + strings.Repeat("m", 49): "x"}
	large := map[string]string{"a": strings.Repeat("a", 100), "b": strings.Repeat("b", 100)}
	link := map[string]string{"l": "link:" + strings.Repeat("t", 100)}
	readAll := func(tree *git.Tree) error {
		return fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			if e.Type() == fs.ModeSymlink {
				_, err := tree.ReadLink(name)
				return err
			}
			_, err = tree.ReadFile(name)
			return err
		})
	}
	asTar := func(tree *git.Tree) error { return tree.Tar(context.Background(), io.Discard, ".", nil) }
	for name, tt := range map[string]struct {
		files      map[string]string
		enough, no git.TreeLimits
	}{
		"entries":     {wide, git.TreeLimits{Entries: 40}, git.TreeLimits{Entries: 39}},
		"depth":       {deep, git.TreeLimits{Depth: 10}, git.TreeLimits{Depth: 9}},
		"path length": {long, git.TreeLimits{PathBytes: 100}, git.TreeLimits{PathBytes: 99}},
		"link length": {link, git.TreeLimits{PathBytes: 100}, git.TreeLimits{PathBytes: 99}},
		"one file":    {large, git.TreeLimits{FileBytes: 100}, git.TreeLimits{FileBytes: 99}},
		"all files":   {large, git.TreeLimits{Bytes: 200}, git.TreeLimits{Bytes: 199}},
	} {
		for use, do := range map[string]func(*git.Tree) error{"read": readAll, "tar": asTar} {
			t.Run(name+" "+use, func(t *testing.T) {
				s := gittest.NewServer(t)
				c := s.Repo("shop").Commit("main", tt.files)
				if err := do(openTree(t, s, c, tt.enough)); err != nil {
					t.Errorf("at the limit: %v", err)
				}
				tree := openTree(t, s, c, tt.enough)
				if errors.Join(do(tree), do(tree)) != nil {
					t.Error("reading the same again is charged again")
				}
				err := do(openTree(t, s, c, tt.no))
				if fault.CodeOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), "limit of") {
					t.Errorf("beyond the limit: %v, want code invalid and the limit named", err)
				}
			})
		}
	}
}

// TestTreeBomb describes 10^10 files with eleven objects.
func TestTreeBomb(t *testing.T) {
	s := gittest.NewServer(t)
	r := s.Repo("shop")
	r.Commit("main", map[string]string{"f": "x"})
	inner := "100644 blob " + r.Git("rev-parse", "main:f")
	for range 10 {
		var b strings.Builder
		for i := range 10 {
			fmt.Fprintf(&b, "%s\tf%d\n", inner, i)
		}
		inner = "040000 tree " + strings.TrimSpace(gittest.Pipe(t, r.Dir, b.String(), "git", "mktree"))
	}
	c := r.Git("commit-tree", "-m", "bomb", strings.Fields(inner)[2])
	r.Git("update-ref", "refs/heads/main", c)
	for name, do := range map[string]func(*git.Tree) error{
		"walk": func(tree *git.Tree) error {
			return fs.WalkDir(tree, ".", func(_ string, _ fs.DirEntry, err error) error { return err })
		},
		"tar": func(tree *git.Tree) error { return tree.Tar(context.Background(), io.Discard, ".", nil) },
		"limited walk": func(tree *git.Tree) error {
			return tree.Walk(context.Background(), ".", func(string, fs.DirEntry) error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := do(openTree(t, s, c, git.TreeLimits{Entries: 5000})); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("the bomb gives %v, want code invalid", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := openTree(t, s, c, git.TreeLimits{}).Tar(ctx, io.Discard, ".", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Tar after its context ended = %v", err)
	}
}

func TestTar(t *testing.T) {
	files := map[string]string{
		"web/Dockerfile": "FROM x", "web/a.go": "package a", "web/run.sh": "exec:#!/bin/sh", "web/sub/b": "b", "web/link": "link:sub/b",
		"web/" + strings.Repeat("long/", 30) + "name": "l", "other": "o",
	}
	tree, _ := treeOf(t, git.TreeLimits{}, files)
	var first, second bytes.Buffer
	gittest.Must(t, tree.Tar(context.Background(), &first, "web", nil))
	files["README"], files["other"] = "changed", "changed"
	again, _ := treeOf(t, git.TreeLimits{}, files) // another repository and commit, the same directory
	gittest.Must(t, again.Tar(context.Background(), &second, "web", nil))
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same tree gives other bytes")
	}
	want := []string{"- Dockerfile 644 6", "- a.go 644 9", "l link 777 0 sub/b"}
	for i := 1; i <= 30; i++ {
		want = append(want, "d "+strings.Repeat("long/", i)+" 755 0")
	}
	want = append(want, "- "+strings.Repeat("long/", 30)+"name 644 1", "- run.sh 755 9", "d sub/ 755 0", "- sub/b 644 1")
	if diff := cmp.Diff(want, listTar(t, &first)); diff != "" {
		t.Errorf("tar (-want +got):\n%s", diff)
	}
	var one bytes.Buffer
	gittest.Must(t, tree.Tar(context.Background(), &one, "web/run.sh", nil))
	if diff := cmp.Diff([]string{"- run.sh 755 9"}, listTar(t, &one)); diff != "" {
		t.Errorf("tar of a file (-want +got):\n%s", diff)
	}
	if err := tree.Tar(context.Background(), io.Discard, "missing", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("tar of nothing = %v", err)
	}
}

// listTar describes each entry: type, name, mode, size and link.
func listTar(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		gittest.Must(t, err)
		kind := map[byte]string{tar.TypeReg: "-", tar.TypeDir: "d", tar.TypeSymlink: "l"}[h.Typeflag]
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %o %d %s", kind, h.Name, h.Mode, h.Size, h.Linkname)))
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s carries an owner or a time", h.Name)
		}
	}
}

// TestHostileTrees builds trees that git's own tools refuse to make. Those
// that a server can't even send are in TestDecodeTree.
func TestHostileTrees(t *testing.T) {
	for name, names := range map[string][]string{
		"dot dot":      {"100644 .."},
		"dot":          {"100644 ."},
		"dot git":      {"100644 .GIT"},
		"slash":        {"100644 a/b"},
		"absolute":     {"100644 /etc"},
		"twice":        {"100644 a", "100644 a"},
		"twice, apart": {"100644 a", "100644 a.b", "100755 a"},
		"mode":         {"170644 a"},
	} {
		t.Run(name, func(t *testing.T) {
			s := gittest.NewServer(t)
			r := s.Repo("shop")
			r.Commit("main", map[string]string{"f": "x"})
			blob, err := hex.DecodeString(r.Git("rev-parse", "main:f"))
			gittest.Must(t, err)
			var raw strings.Builder
			for _, name := range names {
				raw.WriteString(name + "\x00" + string(blob))
			}
			tree := strings.TrimSpace(gittest.Pipe(t, r.Dir, raw.String(), "git", "hash-object", "-t", "tree", "--literally", "-w", "--stdin"))
			text := fmt.Sprintf("tree %s\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nx\n", tree)
			c := strings.TrimSpace(gittest.Pipe(t, r.Dir, text, "git", "hash-object", "-t", "commit", "--literally", "-w", "--stdin"))
			r.Git("update-ref", "refs/heads/main", c)
			if _, err := openTree(t, s, c, git.TreeLimits{}).ReadDir("."); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("ReadDir = %v, want code invalid", err)
			}
		})
	}
}
