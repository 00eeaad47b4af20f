package tree

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slipway-dev/slipway/internal/fault"
)

// Source is what a reader reads: a commit's tree, here or at the other end of
// a pipe. No method follows symbolic links. What does not exist is
// fs.ErrNotExist.
type Source interface {
	// Look returns what name is; if a directory on the way is a symbolic
	// link, it returns that link's mode.
	Look(name string) (fs.FileMode, error)
	// Read returns at most the given number of bytes of a file.
	Read(name string, most int64) ([]byte, error)
	// List returns the entries of a directory in byte order.
	List(dir string) ([]Entry, error)
}

// Entry is one name in a directory.
type Entry struct {
	Name string      `json:"name"`
	Mode fs.FileMode `json:"mode"` // type bits only
}

// FromFS returns fsys as a source, which it may be already. A file system that
// has symbolic links must say so by being an fs.ReadLinkFS.
func FromFS(fsys fs.FS) Source {
	if source, is := fsys.(Source); is {
		return source
	}
	return local{fsys}
}

type local struct{ fsys fs.FS }

func (l local) Look(name string) (fs.FileMode, error) {
	if !fs.ValidPath(name) {
		return 0, fs.ErrInvalid
	}
	links, ok := l.fsys.(fs.ReadLinkFS)
	if !ok {
		return mode(fs.Stat(l.fsys, name))
	}
	for i := range name {
		if name[i] != '/' {
			continue
		}
		if above, err := mode(links.Lstat(name[:i])); err != nil || !above.IsDir() {
			return above, err
		}
	}
	return mode(links.Lstat(name))
}

func mode(info fs.FileInfo, err error) (fs.FileMode, error) {
	if err != nil {
		return 0, err
	}
	return info.Mode().Type(), nil
}

func (l local) Read(name string, most int64) ([]byte, error) {
	found, err := l.Look(name)
	if err != nil {
		return nil, err
	}
	if !found.IsRegular() {
		return nil, &Irregular{Name: name, Mode: found}
	}
	file, err := l.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, most))
}

func (l local) List(dir string) ([]Entry, error) {
	found, err := l.Look(dir)
	if err != nil {
		return nil, err
	}
	if !found.IsDir() {
		return nil, &Irregular{Name: dir, Mode: found}
	}
	listed, err := readDir(l.fsys, dir)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(listed))
	for i, entry := range listed {
		entries[i] = Entry{Name: path.Base(entry.Name()), Mode: entry.Type()}
	}
	return entries, nil
}

// MaxEntries bounds the entries of one directory, which are counted while they are
// read.
const MaxEntries = 10_000

// readDir returns the entries of a directory in byte order.
func readDir(fsys fs.FS, dir string) ([]fs.DirEntry, error) {
	opened, err := fsys.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = opened.Close() }()
	directory, is := opened.(fs.ReadDirFile)
	if !is {
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: errors.ErrUnsupported}
	}
	var listed []fs.DirEntry
	for {
		some, err := directory.ReadDir(1000)
		listed = append(listed, some...)
		switch {
		case len(listed) > MaxEntries:
			return nil, fault.New(fault.Invalid, "the directory %s has more than %d entries, the limit for one; move files into directories of their own", Quote(dir), MaxEntries)
		case errors.Is(err, io.EOF):
			slices.SortFunc(listed, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
			return listed, nil
		case err != nil:
			return nil, err
		}
	}
}

// Irregular is the error of reading a file or a directory that is something
// else.
type Irregular struct {
	Name string
	Mode fs.FileMode
}

// Error says what was found.
func (e *Irregular) Error() string { return e.Name + ": has mode " + e.Mode.String() }
