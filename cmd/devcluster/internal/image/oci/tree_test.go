package oci

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// entry is what tests compare of a tar header.
type entry struct {
	Name, Link, Content string
	Type                byte
	Mode                int64
	UID                 int
}

// readTar lists an archive and checks what holds for every layer.
func readTar(t *testing.T, archive io.Reader) []entry {
	t.Helper()
	var found []entry
	reader := tar.NewReader(archive)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if !header.ModTime.Equal(Epoch()) {
			t.Errorf("%s has the time %s", header.Name, header.ModTime)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, entry{
			Name: header.Name, Link: header.Linkname, Content: string(content),
			Type: header.Typeflag, Mode: header.Mode, UID: header.Uid,
		})
	}
}

func write(t *testing.T, tree *Tree) []entry {
	t.Helper()
	var archive bytes.Buffer
	if err := tree.WriteTar(&archive); err != nil {
		t.Fatal(err)
	}
	return readTar(t, &archive)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestTreeIsWrittenInOrderWithParents(t *testing.T) {
	tree := NewTree()
	must(t,
		tree.AddBytes("/b/c/file", 0o640, []byte("text")),
		tree.AddSymlink("/b/link", "c/file"),
		tree.AddDir("/tmp", 0o1777),
		tree.AddDir("/b.d", 0o755),
	)
	tree.AddParents()
	want := []entry{
		{Name: "b/", Type: tar.TypeDir, Mode: 0o755},
		{Name: "b/c/", Type: tar.TypeDir, Mode: 0o755},
		{Name: "b/c/file", Type: tar.TypeReg, Mode: 0o640, Content: "text"},
		{Name: "b/link", Type: tar.TypeSymlink, Mode: 0o777, Link: "c/file"},
		{Name: "b.d/", Type: tar.TypeDir, Mode: 0o755},
		{Name: "tmp/", Type: tar.TypeDir, Mode: 0o1777},
	}
	if diff := cmp.Diff(want, write(t, tree)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestUnnamedParentsBelongToTheLayersBelow(t *testing.T) {
	tree := NewTree()
	must(t, tree.AddBytes("/tmp/file", 0o644, nil))
	want := []entry{{Name: "tmp/file", Type: tar.TypeReg, Mode: 0o644}}
	if diff := cmp.Diff(want, write(t, tree)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestAddRefuses(t *testing.T) {
	tree := NewTree()
	must(t, tree.AddBytes("/taken", 0o644, nil))
	for name, path := range map[string]string{
		"relative": "etc/passwd", "root": "/", "root by dots": "/a/..", "taken": "/taken", "taken, unclean": "/x/../taken", "zero byte": "/a\x00b",
	} {
		t.Run(name, func(t *testing.T) {
			if err := tree.AddBytes(path, 0o644, nil); err == nil {
				t.Errorf("%q was added", path)
			}
		})
	}
}

// makeFolder makes a folder with the given umask-like mode for its files.
func makeFolder(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	must(t,
		os.MkdirAll(filepath.Join(dir, "sub", "testdata"), 0o700),
		os.WriteFile(filepath.Join(dir, "sub", "run"), []byte("#!"), mode|0o100),
		os.WriteFile(filepath.Join(dir, "page"), []byte("hi"), mode),
		os.WriteFile(filepath.Join(dir, "sub", "testdata", "x"), nil, mode),
		os.Symlink("page", filepath.Join(dir, "home")),
	)
	return dir
}

func TestAddPathIgnoresUmaskOwnerAndTime(t *testing.T) {
	keep := func(relative string) bool { return !strings.Contains(relative, "testdata") }
	want := []entry{
		{Name: "www/", Type: tar.TypeDir, Mode: 0o755},
		{Name: "www/home", Type: tar.TypeSymlink, Mode: 0o777, Link: "page"},
		{Name: "www/page", Type: tar.TypeReg, Mode: 0o644, Content: "hi"},
		{Name: "www/sub/", Type: tar.TypeDir, Mode: 0o755},
		{Name: "www/sub/run", Type: tar.TypeReg, Mode: 0o755, Content: "#!"},
	}
	for name, mode := range map[string]os.FileMode{"open": 0o666, "closed": 0o600} {
		t.Run(name, func(t *testing.T) {
			tree := NewTree()
			must(t, tree.AddPath(makeFolder(t, mode), "/www", 0, keep))
			if diff := cmp.Diff(want, write(t, tree)); diff != "" {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddPathRefusesPipes(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "device")
	if err := os.Symlink("/dev/null", socket); err != nil {
		t.Fatal(err)
	}
	if err := NewTree().AddPath(socket, "/device", 0, nil); err == nil {
		t.Error("a device was taken for a file")
	}
}

func TestFileThatGrowsIsAnError(t *testing.T) {
	tree := NewTree()
	must(t, tree.Add("/file", Entry{Kind: File, Mode: 0o644, Size: 1, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("longer")), nil
	}}))
	if err := tree.WriteTar(io.Discard); err == nil || !strings.Contains(err.Error(), "/file") {
		t.Errorf("got %v, want an error that names /file", err)
	}
}

func everything(string) bool { return true }

func TestSinceHoldsWhatChanged(t *testing.T) {
	root := t.TempDir()
	in := func(elements ...string) string { return filepath.Join(append([]string{root}, elements...)...) }
	must(t,
		os.MkdirAll(in("gone", "deep"), 0o755),
		os.WriteFile(in("gone", "deep", "file"), nil, 0o644),
		os.WriteFile(in("removed"), nil, 0o644),
		os.WriteFile(in("same"), []byte("same"), 0o644),
		os.Mkdir(in("private"), 0o700),
		os.WriteFile(in("private", "old"), nil, 0o644),
		os.WriteFile(in("changed"), []byte("one"), 0o644),
		os.WriteFile(in("mode"), nil, 0o644),
		os.Symlink("same", in("link")),
	)
	base, err := ReadRoot(root, everything)
	must(t, err)
	must(t,
		os.RemoveAll(in("gone")), os.Remove(in("removed")),
		os.WriteFile(in("changed"), []byte("two"), 0o644),
		os.Chmod(in("mode"), 0o4755|os.ModeSetuid),
		os.Remove(in("link")), os.Symlink("mode", in("link")),
		os.WriteFile(in("new"), []byte("new"), 0o600),
		os.Link(in("new"), in("twin")),
		os.Remove(in("private", "old")),
	)
	now, err := ReadRoot(root, everything)
	must(t, err)
	owner := os.Getuid()
	want := []entry{
		{Name: "changed", Type: tar.TypeReg, Mode: 0o644, Content: "two", UID: owner},
		{Name: ".wh.gone", Type: tar.TypeReg},
		{Name: "link", Type: tar.TypeSymlink, Mode: 0o777, Link: "mode", UID: owner},
		{Name: "mode", Type: tar.TypeReg, Mode: 0o4755, UID: owner},
		{Name: "new", Type: tar.TypeReg, Mode: 0o600, Content: "new", UID: owner},
		// The folder keeps its mode in the layer.
		{Name: "private/", Type: tar.TypeDir, Mode: 0o700, UID: owner},
		{Name: "private/.wh.old", Type: tar.TypeReg},
		{Name: ".wh.removed", Type: tar.TypeReg},
		{Name: "twin", Type: tar.TypeLink, Mode: 0o600, Link: "new", UID: owner},
	}
	if diff := cmp.Diff(want, write(t, now.Since(base))); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	if same := now.Since(now); len(same.entries) != 0 {
		t.Errorf("difference of a root with itself: %v", same.names())
	}
}

// A layer must not depend on the order in which its files are named.
func TestOrderDoesNotMatter(t *testing.T) {
	segment := rapid.StringMatching(`[a-z.]{0,2}[a-z]`)
	rapid.Check(t, func(t *rapid.T) {
		paths := rapid.SliceOfNDistinct(segment, 1, 12, rapid.ID).Draw(t, "paths")
		shuffled := rapid.Permutation(paths).Draw(t, "shuffled")
		var one, two bytes.Buffer
		for out, order := range map[*bytes.Buffer][]string{&one: paths, &two: shuffled} {
			tree := NewTree()
			for _, path := range order {
				if err := tree.AddBytes("/"+path+"/file", 0o644, []byte(path)); err != nil {
					t.Fatal(err)
				}
			}
			if err := tree.WriteTar(out); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Fatalf("%v and %v give different layers", paths, shuffled)
		}
	})
}
