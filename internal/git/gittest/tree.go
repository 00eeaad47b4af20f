package gittest

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/git"
)

// File is a file of a tree in memory. Its mode is 0 for a plain file, 0o111 for an
// executable, fs.ModeSymlink for a link to Data, or fs.ModeIrregular for a
// submodule.
type File struct {
	Mode fs.FileMode
	Data string
}

// NewTree makes a commit's tree in memory, with the object ids that git gives it.
// Nothing may be a file and a directory at once. Reads counts the blobs that are
// read; nil counts none.
func NewTree(t testing.TB, files map[string]File, reads *int) *git.Tree {
	t.Helper()
	objects := memory{kinds: map[plumbing.Hash]plumbing.ObjectType{}, data: map[plumbing.Hash][]byte{}, reads: reads}
	return git.NewTree(objects, objects.tree(t, files, "."), git.TreeLimits{})
}

// memory holds objects.
type memory struct {
	kinds map[plumbing.Hash]plumbing.ObjectType
	data  map[plumbing.Hash][]byte
	reads *int
}

// Object implements git.Objects.
func (m memory) Object(h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	kind, found := m.kinds[h]
	if !found {
		return 0, nil, fault.New(fault.NotFound, "there is no object %s", h)
	}
	if m.reads != nil && kind == plumbing.BlobObject {
		*m.reads++
	}
	return kind, m.data[h], nil
}

func (m memory) add(kind plumbing.ObjectType, data []byte) plumbing.Hash {
	h := plumbing.ComputeHash(kind, data)
	m.kinds[h], m.data[h] = kind, data
	return h
}

// tree adds the objects of a directory and returns its id.
func (m memory) tree(t testing.TB, files map[string]File, dir string) plumbing.Hash {
	t.Helper()
	lines := map[string]string{} // by the name that git sorts by
	for name, file := range files {
		rest := name
		if dir != "." {
			var below bool
			if rest, below = strings.CutPrefix(name, dir+"/"); !below {
				continue
			}
		}
		first, _, deeper := strings.Cut(rest, "/")
		if _, known := lines[first+"/"]; deeper && known {
			continue
		}
		if deeper {
			id := m.tree(t, files, path.Join(dir, first))
			lines[first+"/"] = "40000 " + first + "\x00" + string(id[:])
			continue
		}
		lines[first] = m.line(first, file)
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		if _, both := lines[name+"/"]; both {
			t.Fatalf("%s/%s is a file and a directory", dir, name)
		}
		text.WriteString(lines[name])
	}
	return m.add(plumbing.TreeObject, []byte(text.String()))
}

// line adds a file and returns its entry in a tree object.
func (m memory) line(name string, file File) string {
	mode := filemode.Regular
	id := m.add(plumbing.BlobObject, []byte(file.Data))
	switch {
	case file.Mode&fs.ModeSymlink != 0:
		mode = filemode.Symlink
	case file.Mode&fs.ModeIrregular != 0:
		mode = filemode.Submodule
	case file.Mode&0o111 != 0:
		mode = filemode.Executable
	}
	return strings.TrimLeft(mode.String(), "0") + " " + name + "\x00" + string(id[:])
}
